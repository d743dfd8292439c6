import table from "../generated/protobuf.json" with { type: "json" };

export interface MessageField {
  readonly name: string;
  /** A primitive of schema.ts under protobuf's name, or a message. */
  readonly type: string;
  readonly shape: "single" | "list" | "map" | "inline";
  /** A pointer in Go: its zero value was set on purpose. Others are on the wire even when nobody set them. */
  readonly nullable: boolean;
}

const messages = table.messages as unknown as Readonly<Record<string, Readonly<Record<string, string>>>>;
const parsed = new Map<string, ReadonlyMap<number, MessageField>>();

const SHAPES: Readonly<Record<string, MessageField["shape"]>> = { "[": "list", "{": "map", "~": "inline" };

/** The fields of a message by number; undefined for a message that is not in the table. */
export function messageFields(message: string): ReadonlyMap<number, MessageField> | undefined {
  const known = parsed.get(message);
  if (known !== undefined) return known;
  if (!Object.hasOwn(messages, message)) return undefined;
  const fields = Object.entries(messages[message] ?? {}).map(([name, entry]): [number, MessageField] => {
    const [number = "", text = ""] = entry.split(" ");
    const shape = SHAPES[text[0] ?? ""] ?? "single";
    const type = text.replace(/^[[{~]/, "").replace(/\?$/, "");
    return [Number(number), { name, type, shape, nullable: text.endsWith("?") }];
  });
  const map = new Map(fields);
  parsed.set(message, map);
  return map;
}
