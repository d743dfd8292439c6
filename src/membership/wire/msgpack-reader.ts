import { MAX_RECORD_FIELDS, MAX_VALUE_NESTING } from "./limits.ts";
import { lengthOf, type Token, tokenOf } from "./msgpack-token.ts";
import { reject } from "./wire-error.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads MessagePack from bytes that anyone may have sent: every length is checked against what is there and against
 * the caller's limit before anything is taken. Throws WireError. `offset` is where the next value begins.
 */
export class MsgpackReader {
  readonly buffer: Buffer;
  readonly what: string;
  offset: number;

  constructor(buffer: Buffer, what: string, offset = 0) {
    this.buffer = buffer;
    this.what = what;
    this.offset = offset;
  }

  /** The number of entries. nil is a record without fields, as Go reads it. */
  map(): number {
    const token = this.#token();
    if (token.kind === "nil") return this.#pass(token, 0);
    if (token.kind !== "map") this.#unexpected("a map", token);
    const entries = lengthOf(token, this.buffer, this.offset);
    if (entries > MAX_RECORD_FIELDS) reject(this.what, `${entries} fields, at most ${MAX_RECORD_FIELDS} are allowed`);
    this.offset += token.head;
    return entries;
  }

  /** Raw bytes, still part of the buffer. nil is empty. */
  bytes(max: number): Buffer {
    const token = this.#token();
    if (token.kind === "nil") {
      this.offset += 1;
      return EMPTY;
    }
    if (token.kind !== "raw") this.#unexpected("bytes", token);
    const length = lengthOf(token, this.buffer, this.offset);
    if (length > max) reject(this.what, `${length} bytes, at most ${max} are allowed`);
    const start = this.offset + token.head;
    if (start + length > this.buffer.length) reject(this.what, "it ends too early");
    this.offset = start + length;
    return this.buffer.subarray(start, this.offset);
  }

  text(max: number): string {
    const bytes = this.bytes(max);
    try {
      return UTF8.decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return reject(this.what, "its text is not UTF-8");
    }
  }

  uint(max: number): number {
    const token = this.#token();
    if (token.kind === "nil") return this.#pass(token, 0);
    const value = this.#number(token);
    if (value < 0 || value > max) reject(this.what, `${value} is not between 0 and ${max}`);
    return this.#pass(token, value);
  }

  bool(): boolean {
    const token = this.#token();
    if (token.kind !== "bool" && token.kind !== "nil") this.#unexpected("true or false", token);
    const value = this.buffer[this.offset] === 0xc3;
    this.offset += 1;
    return value;
  }

  /** Passes over one value of any kind. */
  skip(depth = 0): void {
    if (depth > MAX_VALUE_NESTING) reject(this.what, `values nested more than ${MAX_VALUE_NESTING} deep`);
    const token = this.#token();
    const length = lengthOf(token, this.buffer, this.offset);
    if (token.kind !== "map" && token.kind !== "array") {
      if (this.offset + token.head + length > this.buffer.length) reject(this.what, "it ends too early");
      this.offset += token.head + length;
      return;
    }
    const values = token.kind === "map" ? length * 2 : length;
    // Every value takes a byte at least, so that a claimed length cannot cost more than the bytes that came.
    if (values > this.buffer.length - this.offset) reject(this.what, "it ends too early");
    this.offset += token.head;
    for (let index = 0; index < values; index += 1) this.skip(depth + 1);
  }

  #token(): Token {
    const first = this.buffer[this.offset];
    if (first === undefined) reject(this.what, "it ends too early");
    const token = tokenOf(first);
    if (token === undefined) reject(this.what, `a value cannot begin with byte ${first}`);
    const scalar = token.kind === "uint" || token.kind === "int" || token.kind === "float";
    const needed = token.head + (scalar ? token.length : 0);
    if (this.offset + needed > this.buffer.length) reject(this.what, "it ends too early");
    return token;
  }

  #number(token: Token): number {
    const { buffer, offset } = this;
    if (token.kind === "uint") {
      if (token.length === 0) return buffer[offset] ?? 0;
      return token.length === 8
        ? Number(buffer.readBigUInt64BE(offset + 1))
        : buffer.readUIntBE(offset + 1, token.length);
    }
    if (token.kind !== "int") this.#unexpected("a number", token);
    if (token.length === 0) return buffer.readInt8(offset);
    return token.length === 8 ? Number(buffer.readBigInt64BE(offset + 1)) : buffer.readIntBE(offset + 1, token.length);
  }

  #pass(token: Token, value: number): number {
    this.offset += token.head + token.length;
    return value;
  }

  #unexpected(wanted: string, token: Token): never {
    return reject(this.what, `${wanted} expected, but it is ${token.kind}`);
  }
}

export const EMPTY = Buffer.alloc(0);
