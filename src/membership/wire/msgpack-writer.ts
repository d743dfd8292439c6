/**
 * Writes MessagePack as HashiCorp's go-msgpack does with its default handle: its specification before 2013, in which
 * text and bytes are both "raw" (https://github.com/msgpack/msgpack/blob/master/spec-old.md), and the shortest form of
 * every number.
 */
export class MsgpackWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  map(entries: number): void {
    if (entries > 15) throw new RangeError(`Cannot write a map of ${entries} entries: records have at most 15`);
    this.byte(0x80 | entries);
  }

  nil(): void {
    this.byte(0xc0);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  uint(value: number): void {
    if (value < 0x80) this.byte(value);
    else if (value <= 0xff) {
      this.byte(0xcc);
      this.byte(value);
    } else if (value <= 0xffff) {
      const at = this.#room(3);
      this.#buffer[at] = 0xcd;
      this.#buffer.writeUInt16BE(value, at + 1);
    } else {
      const at = this.#room(5);
      this.#buffer[at] = 0xce;
      this.#buffer.writeUInt32BE(value, at + 1);
    }
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#rawHeader(length);
    const at = this.#room(length);
    this.#buffer.write(value, at, length, "utf8");
  }

  bytes(value: Uint8Array): void {
    this.#rawHeader(value.length);
    this.raw(value);
  }

  /** As they are, without a header. */
  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#buffer.set(value, at);
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #rawHeader(length: number): void {
    if (length < 32) this.byte(0xa0 | length);
    else if (length <= 0xffff) {
      const at = this.#room(3);
      this.#buffer[at] = 0xda;
      this.#buffer.writeUInt16BE(length, at + 1);
    } else {
      const at = this.#room(5);
      this.#buffer[at] = 0xdb;
      this.#buffer.writeUInt32BE(length, at + 1);
    }
  }

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
