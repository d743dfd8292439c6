import { microTimestamp, timestamp } from "../../lib/clock.ts";
import { ApiError } from "../api-error.ts";
import { servedKind } from "../catalog.ts";
import { definitionOf, hasDefinition } from "../schema.ts";
import { setOwn } from "../patch/own-property.ts";
import type { JsonObject } from "../patch/own-property.ts";
import { messageFields } from "./message-table.ts";
import type { MessageField } from "./message-table.ts";
import { MalformedMessage, readFields, readPacked } from "./wire-reader.ts";

/** What every Kubernetes protobuf body starts with (apimachinery `runtime/serializer/protobuf`): `k8s` and a zero. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const MAX_DEPTH = 64;

/** Kinds that are not stored, with their messages; what is stored is found by its declaration. */
const REQUEST_MESSAGES: Readonly<Record<string, string>> = {
  DeleteOptions: "meta.v1.DeleteOptions",
  CreateOptions: "meta.v1.CreateOptions",
  UpdateOptions: "meta.v1.UpdateOptions",
  PatchOptions: "meta.v1.PatchOptions",
  Status: "meta.v1.Status",
  PartialObjectMetadata: "meta.v1.PartialObjectMetadata",
  Scale: "autoscaling.v1.Scale",
  Eviction: "policy.v1.Eviction",
  Binding: "core.v1.Binding",
  TokenRequest: "authentication.v1.TokenRequest",
  TokenReview: "authentication.v1.TokenReview",
  SelfSubjectReview: "authentication.v1.SelfSubjectReview",
  SubjectAccessReview: "authorization.v1.SubjectAccessReview",
  LocalSubjectAccessReview: "authorization.v1.LocalSubjectAccessReview",
  SelfSubjectAccessReview: "authorization.v1.SelfSubjectAccessReview",
  SelfSubjectRulesReview: "authorization.v1.SelfSubjectRulesReview",
};

/**
 * A body of `application/vnd.kubernetes.protobuf` as the JSON object that it stands for, `apiVersion` and `kind` filled
 * in. Fields whose number is not known are dropped. BadRequest for anything that is no such body.
 */
export function decodeProtobuf(body: Uint8Array): JsonObject {
  if (!MAGIC.equals(body.subarray(0, MAGIC.length))) {
    throw refusal("provided data does not appear to be a protobuf message, expected prefix 6b387300");
  }
  try {
    return decodeEnvelope(body.subarray(MAGIC.length));
  } catch (error) {
    if (error instanceof MalformedMessage)
      throw refusal(`unable to decode the protobuf message: ${error.message}`, error);
    throw error;
  }
}

function refusal(message: string, cause?: Error): ApiError {
  return new ApiError("BadRequest", message, {}, cause === undefined ? undefined : { cause });
}

/** runtime.Unknown: the type in 1, the object's bytes in 2. */
function decodeEnvelope(bytes: Uint8Array): JsonObject {
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array();
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) {
      for (const field of readFields(bytesOf(value))) {
        if (field.number === 1) apiVersion = text(field.value);
        if (field.number === 2) kind = text(field.value);
      }
    } else if (number === 2) raw = bytesOf(value);
    else if (number === 3 && text(value) !== "") throw refusal(`the content encoding ${text(value)} is not supported`);
  }
  const message = messageOf(apiVersion, kind);
  if (message === undefined) {
    throw refusal(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  }
  return { apiVersion, kind, ...decodeMessage(message, raw, 0) };
}

function messageOf(apiVersion: string, kind: string): string | undefined {
  const served = servedKind(apiVersion, kind);
  if (served !== undefined) return served.version.schema;
  if (Object.hasOwn(REQUEST_MESSAGES, kind)) return REQUEST_MESSAGES[kind];
  const item = kind.endsWith("List") ? servedKind(apiVersion, kind.slice(0, -"List".length)) : undefined;
  return item === undefined ? undefined : `${item.version.schema}List`;
}

function decodeMessage(message: string, bytes: Uint8Array, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw new MalformedMessage("it is nested too deeply");
  const fields = messageFields(message);
  if (fields === undefined) throw new MalformedMessage(`the message ${message} is not known`);
  const required = hasDefinition(message) ? definitionOf(message).required : [];
  const result: JsonObject = {};
  for (const { number, value } of readFields(bytes)) {
    const field = fields.get(number);
    if (field === undefined) continue;
    if (field.shape === "inline") {
      Object.assign(result, decodeMessage(field.type, bytesOf(value), depth + 1));
    } else if (field.shape === "list") {
      const list = (result[field.name] ??= []) as unknown[];
      list.push(...decodeItems(field, value, depth));
    } else if (field.shape === "map") {
      const map = (result[field.name] ??= {}) as JsonObject;
      decodeEntry(field, bytesOf(value), { map, depth });
    } else {
      const decoded = decodeValue(field.type, value, depth);
      if (field.nullable || required.includes(field.name) || !isZero(decoded)) result[field.name] = decoded;
    }
  }
  return result;
}

function isZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === "" || value === 0 || value === false;
}

function decodeItems(field: MessageField, value: bigint | Uint8Array, depth: number): unknown[] {
  const numeric = field.type === "int32" || field.type === "int64" || field.type === "bool";
  if (numeric && typeof value !== "bigint") {
    return readPacked(value).map((item) => decodeValue(field.type, item, depth));
  }
  return [decodeValue(field.type, value, depth)];
}

function decodeEntry(field: MessageField, bytes: Uint8Array, { map, depth }: { map: JsonObject; depth: number }): void {
  let key = "";
  let item: unknown;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) key = text(value);
    else if (number === 2) item = decodeValue(field.type, value, depth);
  }
  setOwn(map, key, item ?? (field.type.includes(".") ? {} : ""));
}

function decodeValue(type: string, value: bigint | Uint8Array, depth: number): unknown {
  if (type.includes(".")) return decodeMessage(type, bytesOf(value), depth + 1);
  switch (type) {
    case "string":
      return text(value);
    case "bool":
      return number(value) !== 0;
    case "int32":
      return Number(BigInt.asIntN(32, integer(value)));
    case "int64":
      return number(value);
    case "double":
      return doubleOf(integer(value));
    case "bytes":
      return Buffer.from(bytesOf(value)).toString("base64");
    case "time":
    case "microtime":
      return decodeTime(type, bytesOf(value));
    case "quantity":
      return firstText(bytesOf(value));
    case "int-or-string":
      return decodeIntOrString(bytesOf(value));
    case "raw":
      return decodeRaw(bytesOf(value));
    case "strings":
      return [...readFields(bytesOf(value))].filter((field) => field.number === 1).map((field) => text(field.value));
    case "duration":
      return decodeDuration(bytesOf(value));
    default:
      throw new MalformedMessage(`the type ${type} is not known`);
  }
}

function bytesOf(value: bigint | Uint8Array): Uint8Array {
  if (typeof value === "bigint") throw new MalformedMessage("a number stands where bytes belong");
  return value;
}

function integer(value: bigint | Uint8Array): bigint {
  if (typeof value !== "bigint") throw new MalformedMessage("bytes stand where a number belongs");
  return value;
}

function number(value: bigint | Uint8Array): number {
  return Number(BigInt.asIntN(64, integer(value)));
}

function text(value: bigint | Uint8Array): string {
  return Buffer.from(bytesOf(value)).toString("utf8");
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt.asUintN(64, bits));
  return view.getFloat64(0);
}

/** Seconds in 1, nanoseconds in 2; nothing at all is no time. */
function decodeTime(type: "time" | "microtime", bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  let seconds = 0;
  let nanos = 0;
  for (const field of readFields(bytes)) {
    if (field.number === 1) seconds = number(field.value);
    else if (field.number === 2) nanos = number(field.value);
  }
  const ms = seconds * 1000;
  // RFC 3339 ends with the year 9999.
  if (!Number.isSafeInteger(ms) || ms < -62_135_596_800_000 || ms > 253_402_300_799_000 || nanos < 0 || nanos >= 1e9) {
    throw new MalformedMessage("a time is out of range");
  }
  return type === "time"
    ? timestamp(ms)
    : `${microTimestamp(ms).slice(0, 20)}${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}

function firstText(bytes: Uint8Array): string {
  for (const field of readFields(bytes)) if (field.number === 1) return text(field.value);
  return "0";
}

/** The type in 1 (1 is a string), the number in 2, the string in 3. */
function decodeIntOrString(bytes: Uint8Array): number | string {
  const found = new Map([...readFields(bytes)].map((field) => [field.number, field.value]));
  return found.get(1) === 1n
    ? text(found.get(3) ?? new Uint8Array())
    : Number(BigInt.asIntN(32, integer(found.get(2) ?? 0n)));
}

/** JSON text in 1. */
function decodeRaw(bytes: Uint8Array): unknown {
  for (const field of readFields(bytes)) {
    if (field.number !== 1) continue;
    try {
      return JSON.parse(text(field.value)) as unknown;
    } catch (error) {
      throw new MalformedMessage("an embedded object is not JSON", { cause: error });
    }
  }
  return undefined;
}

function decodeDuration(bytes: Uint8Array): string {
  let nanos = 0;
  for (const field of readFields(bytes)) if (field.number === 1) nanos = number(field.value);
  return `${nanos / 1e9}s`;
}
