/** Bytes that are no protobuf message. */
export class MalformedMessage extends Error {}

/** One field as it is on the wire: a number for wire types 0, 1 and 5, bytes for 2. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

/** The fields of a protobuf message (protobuf.dev/programming-guides/encoding) in order. Groups are refused. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = readVarint(reader);
    const number = Number(tag >> 3n);
    if (number === 0) throw new MalformedMessage("a field has the number 0");
    yield { number, value: readValue(reader, Number(tag & 7n)) };
  }
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function readValue(reader: Reader, wireType: number): bigint | Uint8Array {
  switch (wireType) {
    case 0:
      return readVarint(reader);
    case 1:
      return fixed(take(reader, 8));
    case 2:
      return take(reader, Number(readVarint(reader)));
    case 5:
      return fixed(take(reader, 4));
    default:
      throw new MalformedMessage(`the wire type ${wireType} is not used`);
  }
}

function take(reader: Reader, length: number): Uint8Array {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new MalformedMessage("a field is longer than its message");
  const part = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return part;
}

function fixed(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at];
    if (byte === undefined) throw new MalformedMessage("a number is cut off");
    reader.at++;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new MalformedMessage("a number is longer than 64 bits");
}

/** All numbers of a packed list. */
export function readPacked(bytes: Uint8Array): bigint[] {
  const reader = { bytes, at: 0 };
  const values: bigint[] = [];
  while (reader.at < bytes.length) values.push(readVarint(reader));
  return values;
}
