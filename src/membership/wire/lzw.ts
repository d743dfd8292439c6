import { reject } from "./wire-error.ts";

/**
 * LZW as Go's compress/lzw has it, least significant bits first, with literals of 8 bits (memberlist v0.7.0, util.go,
 * `lzw.LSB`, `lzwLitWidth`): GIF's variant. Codes have 9 to 12 bits; 256 clears the table, 257 ends the data.
 */
const CLEAR = 256;
const END = 257;
const MIN_WIDTH = 9;
const MAX_WIDTH = 12;
const TABLE_SIZE = 1 << MAX_WIDTH;

class BitWriter {
  #bytes: Buffer;
  #length = 0;
  #bits = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  code(code: number, width: number): void {
    this.#bits |= code << this.#count;
    this.#count += width;
    while (this.#count >= 8) this.#flushByte();
  }

  done(): Buffer {
    if (this.#count > 0) this.#flushByte();
    return this.#bytes.subarray(0, this.#length);
  }

  #flushByte(): void {
    this.#bytes[this.#length] = this.#bits & 0xff;
    this.#length += 1;
    this.#bits >>>= 8;
    this.#count -= 8;
  }
}

/** Makes the bytes that Go's encoder makes. */
export function lzwCompress(input: Uint8Array): Buffer {
  // At worst 12 bits a byte, and a clear code for every table full.
  const out = new BitWriter(Math.ceil(input.length * 1.6) + 16);
  /** By the code of what came before and the byte that followed it. */
  const table = new Map<number, number>();
  let width = MIN_WIDTH;
  let next = END;
  /** Sends a code and makes the next one; false when the table was full and is cleared instead. */
  const emit = (code: number): boolean => {
    out.code(code, width);
    next += 1;
    if (next === 1 << width) width += 1;
    if (next < TABLE_SIZE - 1) return true;
    out.code(CLEAR, width);
    width = MIN_WIDTH;
    next = END;
    table.clear();
    return false;
  };
  out.code(CLEAR, width);
  let code = -1;
  for (const literal of input) {
    const key = (code << 8) | literal;
    const known = code === -1 ? literal : table.get(key);
    if (known !== undefined) {
      code = known;
      continue;
    }
    if (emit(code)) table.set(key, next);
    code = literal;
  }
  if (code !== -1) emit(code);
  out.code(END, width);
  return out.done();
}

/** Throws WireError where the data is damaged, ends too early, or would come to more than `maxBytes`. */
export function lzwDecompress(input: Uint8Array, maxBytes: number): Buffer {
  const prefix = new Uint16Array(TABLE_SIZE);
  const suffix = new Uint8Array(TABLE_SIZE);
  const lengths = new Uint16Array(TABLE_SIZE).fill(1, 0, CLEAR);
  for (let literal = 0; literal < CLEAR; literal += 1) suffix[literal] = literal;
  let output = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(256, input.length * 4)));
  let length = 0;
  let [width, next, last, bits, count, at] = [MIN_WIDTH, END, -1, 0, 0, 0];
  for (;;) {
    for (; count < width; count += 8) {
      const byte = input[at];
      if (byte === undefined) reject("compressed data", "it ends too early");
      at += 1;
      bits |= byte << count;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    count -= width;
    if (code === END) return output.subarray(0, length);
    if (code === CLEAR) {
      [width, next, last] = [MIN_WIDTH, END, -1];
      continue;
    }
    // A code that is just being defined stands for the last one and its own first byte.
    const fresh = code === next && last !== -1;
    if (code > next) reject("compressed data", "it is damaged");
    const source = fresh ? last : code;
    const size = (lengths[source] ?? 0) + (fresh ? 1 : 0);
    if (length + size > maxBytes) reject("compressed data", `it comes to more than ${maxBytes} bytes`);
    if (length + size > output.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(length + size, output.length * 2)));
      output.copy(larger, 0, 0, length);
      output = larger;
    }
    let walk = source;
    for (let to = length + (lengths[source] ?? 0) - 1; to >= length; to -= 1) {
      output[to] = suffix[walk] ?? 0;
      walk = prefix[walk] ?? 0;
    }
    const first = output[length] ?? 0;
    if (fresh) output[length + size - 1] = first;
    length += size;
    if (last !== -1 && next < TABLE_SIZE) {
      prefix[next] = last;
      suffix[next] = first;
      lengths[next] = (lengths[last] ?? 0) + 1;
    }
    last = code;
    next += 1;
    if (next < 1 << width) continue;
    if (width < MAX_WIDTH) width += 1;
    else [last, next] = [-1, next - 1];
  }
}
