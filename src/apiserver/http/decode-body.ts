import { ApiError } from "../../api/api-error.ts";
import { isNestedTooDeeply } from "../../api/nesting.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import type { Exchange } from "./exchange.ts";
import { readBody } from "./read-body.ts";

/** A body as plain JSON values, with what JSON.parse would have hidden. */
export interface DecodedBody {
  readonly value: unknown;
  /** Paths of fields that appear more than once. */
  readonly duplicates: readonly string[];
}

/** The media type of the body without parameters; JSON where nothing is said, as upstream. */
export function mediaType(exchange: Exchange): string {
  const header = exchange.header("content-type");
  return (header ?? "application/json").split(";")[0]?.trim().toLowerCase() || "application/json";
}

/** Reads a body in any format that Kubernetes clients send. Undefined for an empty one. */
export async function decodeBody(exchange: Exchange): Promise<DecodedBody | undefined> {
  const bytes = await readBody(exchange.request, exchange.signal);
  if (bytes.length === 0) return undefined;
  const type = mediaType(exchange);
  switch (type) {
    case "application/json":
      return decodeJson(bytes.toString("utf8"));
    case "application/yaml":
      return decodeYaml(bytes.toString("utf8"));
    case "application/vnd.kubernetes.protobuf": {
      const { decodeProtobuf } = await import("../../api/protobuf/decode.ts");
      return { value: decodeProtobuf(bytes), duplicates: [] };
    }
    default:
      throw unsupportedMediaType(["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]);
  }
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new ApiError("UnsupportedMediaType", message);
}

export function decodeJson(text: string): DecodedBody {
  try {
    const value = JSON.parse(text) as unknown;
    // Nothing that we serve is so deep, and what looks into it later may take its time or the stack for every level.
    if (isNestedTooDeeply(value)) throw new Error("exceeded max depth");
    return { value, duplicates: duplicateKeys(text) };
  } catch (error) {
    throw malformed(error);
  }
}

/** YAML as Kubernetes reads it; of several documents only the first counts, as upstream. */
export async function decodeYaml(text: string): Promise<DecodedBody> {
  const { parseYaml } = await import("../../api/yaml.ts");
  try {
    const [document] = parseYaml(text);
    return { value: document?.value, duplicates: document?.duplicates ?? [] };
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(cause: unknown): ApiError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(
    "BadRequest",
    `the object provided is unrecognized: Cannot parse the body: ${why}`,
    {},
    { cause },
  );
}
