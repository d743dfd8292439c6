/** Bytes that are not strict DER. Never holds any of them. */
export class DerError extends Error {
  constructor(why: string) {
    super(`Cannot read the DER: ${why}`);
    this.name = "DerError";
  }
}

export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag and length too. */
  readonly whole: Buffer;
}

/**
 * Reads elements one after the other from bytes of strangers. Strict: single-byte tags, definite lengths in their
 * shortest form, nothing that reaches beyond its parent (X.690, 8.1 and 10.1). It never recurses by itself, so that
 * depth costs nothing.
 */
export class DerReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get done(): boolean {
    return this.#rest.length === 0;
  }

  /** The next element, which must have this tag. */
  next(tag: number): DerElement {
    const bytes = this.#rest;
    const found = bytes[0];
    if (found === undefined) throw new DerError(`it ends where the tag ${hex(tag)} should stand`);
    if (found !== tag) throw new DerError(`it has the tag ${hex(found)} where ${hex(tag)} should stand`);
    const { start, length } = readLength(bytes);
    if (length > bytes.length - start) throw new DerError("an element is longer than what holds it");
    const whole = bytes.subarray(0, start + length);
    this.#rest = bytes.subarray(whole.length);
    return { tag, content: whole.subarray(start), whole };
  }

  /** A reader of what the next element holds. */
  enter(tag: number): DerReader {
    return new DerReader(this.next(tag).content);
  }

  /** Throws when anything is left. */
  end(): void {
    if (!this.done) throw new DerError("something follows its end");
  }
}

/** Four bytes of length are more than any input has. */
const MOST_LENGTH_BYTES = 4;

function readLength(bytes: Buffer): { start: number; length: number } {
  const first = bytes[1];
  if (first === undefined) throw new DerError("it ends in a length");
  if (first < 0x80) return { start: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > MOST_LENGTH_BYTES) throw new DerError("a length has a form that is not DER");
  if (bytes.length < 2 + count) throw new DerError("it ends in a length");
  const length = bytes.readUIntBE(2, count);
  if (length < 0x80 || bytes[2] === 0) throw new DerError("a length is not in its shortest form");
  return { start: 2 + count, length };
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}
