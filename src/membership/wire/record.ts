import { EMPTY, MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

/** How one field is written and read. `absent` is its value when the sender left it out. */
export interface Field<Value> {
  readonly absent: Value;
  /** Left out when it has the value that it would have anyway. */
  readonly omitEmpty?: boolean;
  write(writer: MsgpackWriter, value: Value): void;
  read(reader: MsgpackReader): Value;
}

export function uintField(max: number): Field<number> {
  return { absent: 0, write: (writer, value) => writer.uint(value), read: (reader) => reader.uint(max) };
}

export const uint32 = uintField(0xffffffff);
export const uint16 = uintField(0xffff);
export const bool: Field<boolean> = {
  absent: false,
  write: (writer, value) => writer.bool(value),
  read: (reader) => reader.bool(),
};

export function textField(max: number): Field<string> {
  return { absent: "", write: (writer, value) => writer.text(value), read: (reader) => reader.text(max) };
}

/** Empty is written as nil, as Go writes a slice that was never set. What is read is a copy, so that it may be kept. */
export function bytesField(max: number): Field<Buffer> {
  return {
    absent: EMPTY,
    write: (writer, value) => (value.length === 0 ? writer.nil() : writer.bytes(value)),
    read: (reader) => {
      const bytes = reader.bytes(max);
      return bytes.length === 0 ? EMPTY : Buffer.from(bytes);
    },
  };
}

export function omitEmpty<Value>(field: Field<Value>): Field<Value> {
  return { ...field, omitEmpty: true };
}

/** A message that is a map with field names, as go-msgpack writes a struct. */
export interface RecordCodec<Shape> {
  write(writer: MsgpackWriter, record: Shape): void;
  read(reader: MsgpackReader): Shape;
  /** One record behind one byte that tells its type. */
  encode(type: number, record: Shape): Buffer;
  /** One record that fills the buffer; more after it is ignored, as Go does. */
  decode(buffer: Buffer): Shape;
}

/**
 * Fields are named by their properties with a capital first letter (`seqNo` is "SeqNo") and written in the order of
 * their names, as go-msgpack does. Unknown fields are passed over, so that later versions can add some.
 */
export function recordCodec<Shape extends object>(
  what: string,
  fields: { readonly [Name in keyof Shape & string]: Field<Shape[Name]> },
): RecordCodec<Shape> {
  const entries = (Object.entries(fields) as [keyof Shape & string, Field<Shape[keyof Shape & string]>][])
    .map(([name, field]) => ({ name, field, wireName: `${name.charAt(0).toUpperCase()}${name.slice(1)}` }))
    .sort((a, b) => (a.wireName < b.wireName ? -1 : 1));
  const byWireName = new Map(entries.map((entry) => [entry.wireName, entry]));
  const absent = Object.fromEntries(entries.map(({ name, field }) => [name, field.absent])) as Shape;

  const isEmpty = (value: unknown): boolean =>
    value === 0 || value === "" || value === false || (value instanceof Uint8Array && value.length === 0);
  const write = (writer: MsgpackWriter, record: Shape): void => {
    const written = entries.filter(({ name, field }) => !(field.omitEmpty === true && isEmpty(record[name])));
    writer.map(written.length);
    for (const { name, field, wireName } of written) {
      writer.text(wireName);
      field.write(writer, record[name]);
    }
  };
  const read = (reader: MsgpackReader): Shape => {
    const record = { ...absent };
    for (let left = reader.map(); left > 0; left -= 1) {
      const entry = byWireName.get(reader.bytes(64).toString("latin1"));
      if (entry === undefined) reader.skip();
      else record[entry.name] = entry.field.read(reader);
    }
    return record;
  };
  return {
    write,
    read,
    encode: (type, record) => {
      const writer = new MsgpackWriter();
      writer.byte(type);
      write(writer, record);
      return writer.done();
    },
    decode: (buffer) => read(new MsgpackReader(buffer, what)),
  };
}
