import { ApiError } from "../../api/api-error.ts";
import type { Served } from "../../api/catalog.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { decodeAs, decodeBody as decodeObject, type FieldValidation } from "../../api/validate-schema.ts";
import { type DecodedBody, decodeBody } from "../http/decode-body.ts";
import type { Exchange } from "../http/exchange.ts";

export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const asked = query.get("fieldValidation") || "Warn";
  if (asked === "Strict" || asked === "Warn" || asked === "Ignore") return asked;
  throw new ApiError(
    "BadRequest",
    `fieldValidation: Unsupported value: ${JSON.stringify(asked)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}

export function dryRunOf(query: URLSearchParams): boolean {
  const asked = query.getAll("dryRun").filter((value) => value !== "");
  if (asked.some((value) => value !== "All")) {
    throw new ApiError(
      "BadRequest",
      `Invalid value: dryRun: Unsupported value: ${JSON.stringify(asked.join(","))}: supported values: "All"`,
    );
  }
  return asked.length > 0;
}

/** The object in a request's body, in its storage version. What is unknown in it is refused, warned of or dropped. */
export async function requestObject(exchange: Exchange, served: Served): Promise<KubeObject> {
  const body = await decodeBody(exchange);
  if (!body) throw new ApiError("BadRequest", "the request has no body: expected an object");
  return storageObject(exchange, served, body);
}

export function storageObject(exchange: Exchange, served: Served, body: DecodedBody): KubeObject {
  const { kind } = served.declaration;
  const { apiVersion, toStorage } = served.version;
  const value = typed(body.value, { kind, apiVersion });
  const fieldValidation = fieldValidationOf(exchange.query);
  const { object, warnings } = decodeObject(served, value, { fieldValidation, duplicates: body.duplicates });
  for (const warning of warnings) exchange.warn(warning);
  object.kind = kind;
  object.apiVersion = apiVersion;
  return toStorage ? toStorage(object) : object;
}

export interface VirtualKind {
  readonly kind: string;
  readonly version: string;
  readonly schema: string;
}

/** An object of a kind that is not stored, such as Scale or DeleteOptions; undefined where there is no body. */
export async function requestVirtual(exchange: Exchange, target: VirtualKind): Promise<KubeObject | undefined> {
  const body = await decodeBody(exchange);
  return body && virtualObject(exchange, target, body);
}

export function virtualObject(exchange: Exchange, target: VirtualKind, body: DecodedBody): KubeObject {
  const value = typed(body.value, { kind: target.kind });
  const fieldValidation = fieldValidationOf(exchange.query);
  const { object, warnings } = decodeAs(target, value, { fieldValidation, duplicates: body.duplicates });
  for (const warning of warnings) exchange.warn(warning);
  return object;
}

interface Expected {
  readonly kind: string;
  /** Absent where any will do: clients send DeleteOptions in the group of what they delete. */
  readonly apiVersion?: string;
}

/** Checks that a body is an object of the expected type; one that does not say its type is taken as that. */
function typed(value: unknown, expected: Expected): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ApiError("BadRequest", "couldn't get version/kind; json parse error: the body is not an object");
  }
  const object = value as Record<string, unknown>;
  const { kind, apiVersion } = object;
  if (kind !== undefined && kind !== "" && kind !== expected.kind) {
    const version = typeof apiVersion === "string" ? (apiVersion.split("/").at(-1) ?? "") : "";
    throw new ApiError(
      "BadRequest",
      `${show(kind)} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: converting it is not possible`,
    );
  }
  const right = expected.apiVersion;
  if (right !== undefined && apiVersion !== undefined && apiVersion !== "" && apiVersion !== right) {
    const both = `the API version in the data (${show(apiVersion)}) does not match the expected API version (${right})`;
    throw new ApiError("BadRequest", both);
  }
  return object;
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
