/** Bytes from the network that are not what they claim to be. Expected from outside, never a fault of this program. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export function reject(what: string, why: string): never {
  throw new WireError(`Cannot read ${what}: ${why}`);
}
