import { encryptionOverhead, encryptionVersionOf } from "./encryption.ts";
import type { Keyring } from "./keyring.ts";
import { labelOverhead } from "./label.ts";

/** How packets and frames are wrapped; the same on every node of a cluster, except while keys or settings change. */
export interface SealOptions {
  readonly keyring: Keyring;
  /** Empty for none. Serf below 0.9.6 (memberlist below 0.3) knows none. */
  readonly label: string;
  readonly compression: boolean;
  /** Chooses the version of the encryption. */
  readonly protocolVersion: number;
  /** Refuse what is not encrypted. False only while a running cluster changes over to encryption. */
  readonly verifyIncoming: boolean;
  /** Encrypt what is sent. False only during the first step of that change. */
  readonly verifyOutgoing: boolean;
  /** For golden files only: a nonce must never be used twice. */
  readonly nonce?: Uint8Array;
}

/** What wrapping adds to a packet at most, without a compound's own header. */
export function sealOverhead({ keyring, label, protocolVersion }: SealOptions): number {
  const encryption = keyring.primary ? encryptionOverhead(encryptionVersionOf(protocolVersion)) : 0;
  return labelOverhead(label) + encryption;
}
