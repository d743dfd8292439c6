import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import { secretBytes } from "../../lib/random.ts";
import { reject } from "./wire-error.ts";

/**
 * AES-GCM: version (1 byte), nonce (12), what is encrypted, tag (16). Version 0 pads the text by PKCS #7, version 1
 * does not. Source: memberlist v0.7.0, security.go.
 */
export type EncryptionVersion = 0 | 1;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** Which version a node writes that speaks a protocol version. Source: net.go, `encryptionVersion`. */
export function encryptionVersionOf(protocolVersion: number): EncryptionVersion {
  return protocolVersion === 1 ? 0 : 1;
}

/** At most so many bytes are added. Source: security.go, `encryptOverhead`. */
export function encryptionOverhead(version: EncryptionVersion): number {
  return 1 + NONCE_BYTES + TAG_BYTES + (version === 0 ? BLOCK_BYTES : 0);
}

export function encryptedLength(version: EncryptionVersion, length: number): number {
  return 1 + NONCE_BYTES + TAG_BYTES + length + (version === 0 ? BLOCK_BYTES - (length % BLOCK_BYTES) : 0);
}

function algorithm(key: Uint8Array): CipherGCMTypes {
  return `aes-${key.length * 8}-gcm` as CipherGCMTypes;
}

export interface EncryptOptions {
  readonly version: EncryptionVersion;
  readonly key: Uint8Array;
  /** Authenticated, not encrypted. */
  readonly data: Uint8Array;
  readonly nonce?: Uint8Array;
}

export function encrypt(
  message: Uint8Array,
  { version, key, data, nonce = secretBytes(NONCE_BYTES) }: EncryptOptions,
): Buffer {
  const cipher = createCipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(data);
  const parts = [Buffer.of(version), nonce, cipher.update(message)];
  if (version === 0) {
    const padding = BLOCK_BYTES - (message.length % BLOCK_BYTES);
    parts.push(cipher.update(Buffer.alloc(padding, padding)));
  }
  cipher.final();
  parts.push(cipher.getAuthTag());
  return Buffer.concat(parts);
}

function unpadded(text: Buffer): Buffer {
  const padding = text.at(-1) ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES || padding > text.length)
    reject("an encrypted message", "its padding is wrong");
  return text.subarray(0, text.length - padding);
}

/** Tries every key; throws WireError when none fits. */
export function decrypt(payload: Buffer, keys: readonly Uint8Array[], data: Uint8Array): Buffer {
  const version = payload[0];
  if (version !== 0 && version !== 1) reject("an encrypted message", "its version is neither 0 nor 1");
  if (payload.length < encryptedLength(version, 0)) reject("an encrypted message", "it is too short");
  const nonce = payload.subarray(1, 1 + NONCE_BYTES);
  const text = payload.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  for (const key of keys) {
    const decipher = createDecipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(data);
    decipher.setAuthTag(payload.subarray(-TAG_BYTES));
    const plain = decipher.update(text);
    try {
      decipher.final();
    } catch {
      // Node has no other answer to a wrong key than an error without a code: the next key may fit.
      continue;
    }
    return version === 0 ? unpadded(plain) : plain;
  }
  return reject("an encrypted message", "no installed key fits", { reason: "WrongKey" });
}
