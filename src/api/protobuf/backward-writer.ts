const FIRST_SIZE = 64 * 1024;

/**
 * Writes a protobuf message from its end to its beginning (protobuf.dev/programming-guides/encoding), so that the length
 * of what is nested is known when its head is written. Fields come out in the reverse of the order of the calls.
 */
export class BackwardWriter {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE);
  /** The first byte that is written. */
  #start = FIRST_SIZE;

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#start -= length;
    this.#bytes.write(value, this.#start);
    this.#varint(length);
    this.#tag(field, 2);
  }

  flag(field: number, value: boolean): void {
    this.#varint(value ? 1 : 0);
    this.#tag(field, 0);
  }

  /** A message, whose fields `write` writes. */
  nested(field: number, write: () => void): void {
    const before = this.#bytes.length - this.#start;
    write();
    this.#varint(this.#bytes.length - this.#start - before);
    this.#tag(field, 2);
  }

  /** What was written, in a buffer of its own. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#start));
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    let size = 1;
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) size++;
    this.#reserve(size);
    this.#start -= size;
    let rest = value;
    for (let index = 0; index < size; index++) {
      this.#bytes[this.#start + index] = (rest % 128) + (index < size - 1 ? 128 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#start) return;
    const used = this.#bytes.length - this.#start;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + size));
    this.#bytes.copy(larger, larger.length - used, this.#start);
    this.#start = larger.length - used;
    this.#bytes = larger;
  }
}
