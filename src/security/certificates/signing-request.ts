import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { pem, publicKeyInfo, subjectName } from "./certificate.ts";
import { bitString, context, integer, objectId, sequence } from "./der.ts";
import { DerReader } from "./der-reader.ts";

/** PKCS #10 (RFC 2986) for an ECDSA P-256 key, without attributes: what a node asks to have signed. */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const ATTRIBUTES = 0xa0;
/** Ours have about 200 bytes, and names at most 253. */
const LONGEST = 1024;
const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));

/** DER. */
export function makeSigningRequest(key: KeyObject, commonName: string): Buffer {
  const info = sequence(integer(Buffer.from([0])), subjectName(commonName), publicKeyInfo(key), context(0, true));
  const signature = sign("sha256", info, { key, dsaEncoding: "der" });
  return sequence(info, ECDSA_WITH_SHA256, bitString(signature));
}

/**
 * The public key of a request that asks for exactly this name and proves its private key. Throws an error that says
 * what is wrong with it.
 */
export function readSigningRequest(bytes: Buffer, commonName: string): KeyObject {
  if (bytes.length > LONGEST) throw new Error(`Cannot read the signing request: it is longer than ${LONGEST} bytes`);
  const outer = new DerReader(bytes);
  const request = outer.enter(SEQUENCE);
  outer.end();
  const info = request.next(SEQUENCE);
  const algorithm = request.next(SEQUENCE).whole;
  const signature = request.next(BIT_STRING).content;
  request.end();
  const fields = new DerReader(info.content);
  const version = fields.next(INTEGER).content;
  const subject = fields.next(SEQUENCE).whole;
  const keyInfo = fields.next(SEQUENCE).whole;
  const attributes = fields.next(ATTRIBUTES).content;
  fields.end();
  if (version.length !== 1 || version[0] !== 0 || attributes.length > 0)
    throw unlike("has another version or attributes");
  if (!algorithm.equals(ECDSA_WITH_SHA256)) throw unlike("is not signed with ECDSA and SHA-256");
  if (!subject.equals(subjectName(commonName))) throw unlike(`does not ask for the name ${JSON.stringify(commonName)}`);
  if (signature[0] !== 0) throw unlike("has a signature of a part of a byte");
  const key = importKey(keyInfo);
  if (!verify("sha256", info.whole, { key, dsaEncoding: "der" }, signature.subarray(1))) {
    throw unlike("is not signed with its own key");
  }
  return key;
}

/** Only P-256, and only in the one form that we write: what is signed is then known to the byte. */
function importKey(keyInfo: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem("PUBLIC KEY", keyInfo));
  } catch (error) {
    throw unlike("has a key that cannot be read", error);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1" || !publicKeyInfo(key).equals(keyInfo)) {
    throw unlike("has a key that is not of ECDSA P-256");
  }
  return key;
}

function unlike(why: string, cause?: unknown): Error {
  return new Error(`Cannot sign the request: it ${why}`, cause === undefined ? {} : { cause });
}
