import { BackwardWriter } from "../protobuf/backward-writer.ts";
import type { Json } from "./definitions.ts";

/** Writes one property as fields of a message, head and all. */
type Field = (out: BackwardWriter, value: unknown) => void;
/** How a JSON object is written: each property, and the number of the field that takes the `x-` extensions. */
interface Message {
  readonly fields: Readonly<Record<string, Field>>;
  readonly extensions?: number;
}

/**
 * An OpenAPI 2 document in gnostic's protobuf encoding, as client-go asks for it. Field numbers are those of
 * `openapi.v2.Document` (google/gnostic, openapiv2/OpenAPIv2.proto). Only what our own documents contain is known; a
 * property that is not throws, so that nothing is lost silently.
 */
export function encodeGnostic(document: Json): Buffer {
  const out = new BackwardWriter();
  writeMessage(out, DOCUMENT, document);
  return out.finish();
}

function writeMessage(out: BackwardWriter, { fields, extensions }: Message, object: unknown): void {
  for (const [name, value] of Object.entries(object as Json).toReversed()) {
    const field = fields[name];
    if (field) field(out, value);
    else if (extensions !== undefined && name.startsWith("x-")) writeNamed(out, extensions, [name, any(2)], value);
    else throw new Error(`Cannot encode the OpenAPI document: ${JSON.stringify(name)} is not expected`);
  }
}

/** NamedAny, NamedSchema and their like: a name and a value. */
function writeNamed(
  out: BackwardWriter,
  number: number,
  [name, field]: readonly [string, Field],
  value: unknown,
): void {
  out.nested(number, () => {
    field(out, value);
    out.text(1, name);
  });
}

function text(number: number): Field {
  return (out, value) => out.text(number, value as string);
}

function flag(number: number): Field {
  return (out, value) => out.flag(number, value as boolean);
}

/** Any: YAML, of which JSON is a part. */
function any(number: number): Field {
  return (out, value) => out.nested(number, () => out.text(2, JSON.stringify(value)));
}

function message(number: number, of: () => Message): Field {
  return (out, value) => out.nested(number, () => writeMessage(out, of(), value));
}

/** A message around another field, such as the ones that stand for a choice. */
function within(number: number, field: Field): Field {
  return (out, value) => out.nested(number, () => field(out, value));
}

function each(field: Field): Field {
  return (out, value) => {
    for (const item of (value as readonly unknown[]).toReversed()) field(out, item);
  };
}

function named(number: number, field: Field): Field {
  return (out, value) => {
    for (const [name, item] of Object.entries(value as Json).toReversed()) {
      writeNamed(out, number, [name, field], item);
    }
  };
}

/** A message that is nothing but a list. */
function wrappedTexts(number: number): Field {
  return (out, value) => out.nested(number, () => each(text(1))(out, Array.isArray(value) ? value : [value]));
}

const SCHEMA: Message = {
  fields: {
    $ref: text(1),
    format: text(2),
    description: text(4),
    uniqueItems: flag(16),
    required: each(text(19)),
    additionalProperties: within(
      21,
      message(1, () => SCHEMA),
    ),
    type: wrappedTexts(22),
    items: within(
      23,
      message(1, () => SCHEMA),
    ),
    properties: within(
      25,
      named(
        1,
        message(2, () => SCHEMA),
      ),
    ),
  },
  extensions: 31,
};

const BODY_PARAMETER: Message = {
  fields: { description: text(1), name: text(2), in: text(3), required: flag(4), schema: message(5, () => SCHEMA) },
};

const QUERY_PARAMETER: Message = {
  fields: { required: flag(1), in: text(2), description: text(3), name: text(4), type: text(6), uniqueItems: flag(20) },
};

const PATH_PARAMETER: Message = {
  fields: { required: flag(1), in: text(2), description: text(3), name: text(4), type: text(5), uniqueItems: flag(19) },
};

/** ParametersItem: the sort of a parameter decides where in the nested choices it stands. */
function parameter(number: number): Field {
  const body = message(1, () => BODY_PARAMETER);
  const query = within(
    2,
    message(3, () => QUERY_PARAMETER),
  );
  const path = within(
    2,
    message(4, () => PATH_PARAMETER),
  );
  return (out, value) => {
    const { in: place } = value as Json;
    const field = place === "body" ? body : place === "query" ? query : path;
    out.nested(number, () => within(1, field)(out, value));
  };
}

const RESPONSE: Message = {
  fields: {
    description: text(1),
    schema: within(
      2,
      message(1, () => SCHEMA),
    ),
  },
};

const OPERATION: Message = {
  fields: {
    produces: each(text(6)),
    consumes: each(text(7)),
    parameters: each(parameter(8)),
    responses: within(
      9,
      named(
        1,
        within(
          2,
          message(1, () => RESPONSE),
        ),
      ),
    ),
  },
  extensions: 13,
};

const operation = (number: number): Field => message(number, () => OPERATION);

const PATH_ITEM: Message = {
  fields: {
    get: operation(2),
    put: operation(3),
    post: operation(4),
    delete: operation(5),
    patch: operation(8),
    parameters: each(parameter(9)),
  },
};

const DOCUMENT: Message = {
  fields: {
    swagger: text(1),
    info: message(2, () => ({ fields: { title: text(1), version: text(2) } })),
    paths: within(
      8,
      named(
        2,
        message(2, () => PATH_ITEM),
      ),
    ),
    definitions: within(
      9,
      named(
        1,
        message(2, () => SCHEMA),
      ),
    ),
  },
};
