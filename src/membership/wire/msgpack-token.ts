/** What follows a MessagePack value's first byte. */
export interface Token {
  readonly kind: "uint" | "int" | "float" | "nil" | "bool" | "raw" | "ext" | "array" | "map";
  /** Bytes of the head, with the first one. */
  readonly head: number;
  /** Where the length stands in the head, for those that have one. 0 when it is in the first byte. */
  readonly lengthBytes: 0 | 1 | 2 | 4;
  /** The length, or for a scalar the bytes after the head. -1 when it has to be read. */
  readonly length: number;
}

const scalar = (kind: Token["kind"], bytes: number): Token => ({ kind, head: 1, lengthBytes: 0, length: bytes });
const sized = (kind: Token["kind"], lengthBytes: 1 | 2 | 4, more = 0): Token => ({
  kind,
  head: 1 + lengthBytes + more,
  lengthBytes,
  length: -1,
});

/**
 * By the first byte from 0xc0 on. Source: https://github.com/msgpack/msgpack/blob/master/spec.md. The newer forms of
 * raw (bin, str 8) are read too, as go-msgpack does; undefined is the one byte that no value begins with.
 */
const FROM_C0: readonly (Token | undefined)[] = [
  scalar("nil", 0),
  undefined,
  scalar("bool", 0),
  scalar("bool", 0),
  sized("raw", 1),
  sized("raw", 2),
  sized("raw", 4),
  sized("ext", 1, 1),
  sized("ext", 2, 1),
  sized("ext", 4, 1),
  scalar("float", 4),
  scalar("float", 8),
  scalar("uint", 1),
  scalar("uint", 2),
  scalar("uint", 4),
  scalar("uint", 8),
  scalar("int", 1),
  scalar("int", 2),
  scalar("int", 4),
  scalar("int", 8),
  scalar("ext", 2),
  scalar("ext", 3),
  scalar("ext", 5),
  scalar("ext", 9),
  scalar("ext", 17),
  sized("raw", 1),
  sized("raw", 2),
  sized("raw", 4),
  sized("array", 2),
  sized("array", 4),
  sized("map", 2),
  sized("map", 4),
];

const BY_FIRST_BYTE: readonly (Token | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x80) return scalar("uint", 0);
  if (byte < 0x90) return scalar("map", byte & 0x0f);
  if (byte < 0xa0) return scalar("array", byte & 0x0f);
  if (byte < 0xc0) return scalar("raw", byte & 0x1f);
  if (byte < 0xe0) return FROM_C0[byte - 0xc0];
  return scalar("int", 0);
});

export function tokenOf(firstByte: number): Token | undefined {
  return BY_FIRST_BYTE[firstByte];
}

/** The length of a token whose whole head is in `buffer` at `offset`. */
export function lengthOf(token: Token, buffer: Buffer, offset: number): number {
  return token.lengthBytes === 0 ? token.length : buffer.readUIntBE(offset + 1, token.lengthBytes);
}
