import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { secretBytes } from "../../lib/random.ts";

/**
 * `PSWM-1-DIGEST-SECRET`. DIGEST is the SHA-256 of the public key (DER, SPKI) of the cluster's CA: who joins knows by
 * it whom it talks to before it says anything. SECRET is 5 bytes that name the token, 20 secret ones, and 20 bits of a checksum
 * over the whole. Both are base32 with Crockford's alphabet, which has no letters that look like digits.
 */
export interface JoinToken {
  /** Of the CA that signs for the cluster, in hex. */
  readonly caDigest: string;
  /** Names the token; not secret. */
  readonly id: string;
  /** 20 bytes. */
  readonly secret: Buffer;
}

const PREFIX = "PSWM";
const VERSION = "1";
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGEST_LENGTH = 52;
const ID_LENGTH = 8;
const SECRET_LENGTH = 32;
const SUM_LENGTH = 4;
const REST_LENGTH = ID_LENGTH + SECRET_LENGTH + SUM_LENGTH;
/** Longer is no token, and is not worth reading. */
const LONGEST = 200;
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7). */
const ED25519_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

export function makeJoinToken(caDigest: string): JoinToken {
  return { caDigest, id: encode(secretBytes(5)), secret: secretBytes(20) };
}

export function formatJoinToken({ caDigest, id, secret }: JoinToken): string {
  const text = `${PREFIX}-${VERSION}-${encode(Buffer.from(caDigest, "hex"))}-${id}${encode(secret)}`;
  return `${text}${checksum(text)}`;
}

/** Throws an error that says what is wrong with the text, without any of it. */
export function parseJoinToken(text: string): JoinToken {
  const [prefix = "", version = "", digest = "", rest = "", ...more] = text.trim().slice(0, LONGEST).split("-");
  if (prefix.toUpperCase() !== PREFIX) throw refused(`it does not begin with ${PREFIX}-${VERSION}-`);
  if (version !== VERSION) throw refused("it was made by a newer version of Podman Swarm");
  const [first, second] = [plain(digest), plain(rest)];
  if (more.length > 0 || first.length !== DIGEST_LENGTH || second.length !== REST_LENGTH) {
    throw refused("it is too short or too long; was it cut when it was copied?");
  }
  const body = `${PREFIX}-${VERSION}-${first}-${second.slice(0, -SUM_LENGTH)}`;
  const digestBytes = decode(first);
  const secret = decode(second.slice(ID_LENGTH, ID_LENGTH + SECRET_LENGTH));
  if (!digestBytes || !secret || decode(second) === undefined || checksum(body) !== second.slice(-SUM_LENGTH)) {
    throw refused("a character of it is wrong; was it typed?");
  }
  return { caDigest: digestBytes.subarray(0, 32).toString("hex"), id: second.slice(0, ID_LENGTH), secret };
}

/**
 * The key with which the holder of a token proves that it is. The cluster keeps only the public half: who reads its
 * state cannot join with it.
 */
export function provingKey({ secret }: JoinToken): KeyObject {
  const seed = createHash("sha256").update("podman-swarm join token 1\0").update(secret).digest();
  return createPrivateKey({ key: Buffer.concat([ED25519_PREFIX, seed]), format: "der", type: "pkcs8" });
}

/** DER (SPKI) of the public half, in base64. */
export function verifierOf(token: JoinToken): string {
  return createPublicKey(provingKey(token)).export({ type: "spki", format: "der" }).toString("base64");
}

function refused(why: string): Error {
  return new Error(`Cannot read the join token: ${why}`);
}

/** 20 bits: a random mistake passes once in a million. */
function checksum(text: string): string {
  return encode(createHash("sha256").update(text).digest().subarray(0, 3)).slice(0, SUM_LENGTH);
}

/** As Crockford reads it: upper case is lower case, and look-alikes are the digits that they look like. */
function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[il]/g, "1").replaceAll("o", "0");
}

function encode(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

/** Undefined for a letter that is none of the alphabet's; left-over bits are dropped. */
function decode(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
    value &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}
