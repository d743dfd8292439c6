/** Why bytes from the network are refused: the reason of an Event and the label of a metric. */
export type RefusalReason =
  /** Encrypted, and no installed key fits; or encrypted where there is no key at all. */
  | "WrongKey"
  /** Not encrypted where it must be. */
  | "PlainText"
  /** Of another cluster, by its label. */
  | "OtherLabel"
  /** From a version that is not understood here. */
  | "OtherVersion"
  /** Not what it claims to be. */
  | "Malformed"
  /** More at once, or for longer, than one port gives. */
  | "Overload";

/** Bytes from the network that are not what they claim to be. Expected from outside, never a fault of this program. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly reason: RefusalReason;

  constructor(message: string, { reason = "Malformed" }: { reason?: RefusalReason } = {}) {
    super(message);
    this.reason = reason;
  }
}

export function reject(what: string, why: string, options: { reason?: RefusalReason } = {}): never {
  throw new WireError(`Cannot read ${what}: ${why}`, options);
}
