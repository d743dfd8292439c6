import { isDeepStrictEqual } from "node:util";
import { ApiError } from "../api-error.ts";
import { isObject, own, setOwn } from "./own-property.ts";

/** Upstream's limit (apiserver `maxJSONPatchOperations`). */
const MAX_OPERATIONS = 10_000;
/** Of all that `copy` copies, in characters of JSON: copies of copies double (apiserver's limit of a request body). */
const MAX_COPIED = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902. Gives a new document. BadRequest for a patch that is none; Invalid for one that does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const operations = readOperations(patch);
  let result = structuredClone(document);
  let copied = 0;
  for (const operation of operations) {
    if (operation.op === "copy") {
      copied += JSON.stringify(read(result, operation.from ?? "", "copy")).length;
      if (copied > MAX_COPIED)
        throw failure(`unable to copy, the accumulated size increase of copy is ${copied}, the limit is ${MAX_COPIED}`);
    }
    result = applyOperation(result, operation);
  }
  return result;
}

function readOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) {
    throw new ApiError("BadRequest", "error decoding patch: a JSON patch must be a list of operations");
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  return patch.map((item: unknown, index): Operation => {
    const problem = operationProblem(item);
    if (problem !== undefined) throw new ApiError("BadRequest", `error decoding patch: operation ${index} ${problem}`);
    return item as Operation;
  });
}

function operationProblem(item: unknown): string | undefined {
  if (!isObject(item)) return "must be an object";
  const { op, path, from } = item;
  if (typeof op !== "string" || !["add", "remove", "replace", "move", "copy", "test"].includes(op)) {
    return `has the unknown op ${JSON.stringify(op) ?? "undefined"}`;
  }
  if (typeof path !== "string" || !isPointer(path)) return "needs a path that is empty or starts with /";
  if ((op === "move" || op === "copy") && (typeof from !== "string" || !isPointer(from))) return "needs a from";
  if (["add", "replace", "test"].includes(op) && !Object.hasOwn(item, "value")) return "needs a value";
  return undefined;
}

function isPointer(text: string): boolean {
  return text === "" || text.startsWith("/");
}

function applyOperation(document: unknown, operation: Operation): unknown {
  const { op, path, from = "", value } = operation;
  switch (op) {
    case "add":
      return add(document, { path, value: structuredClone(value) });
    case "remove":
      return remove(document, path);
    case "replace":
      read(document, path, op);
      return path === "" ? structuredClone(value) : put(document, path, structuredClone(value));
    case "move": {
      if (path === from) return document;
      if (path.startsWith(`${from}/`)) throw failure(`move operation does not apply: ${path} lies inside ${from}`);
      const moved = read(document, from, op);
      return add(remove(document, from), { path, value: moved });
    }
    case "copy":
      return add(document, { path, value: structuredClone(read(document, from, op)) });
    default:
      if (!isDeepStrictEqual(find(document, path), value)) throw failure(`testing value ${path} failed: test failed`);
      return document;
  }
}

function failure(why: string): ApiError {
  // Without causes: kubectl would print those instead, each behind the empty name of its field.
  return new ApiError("Invalid", `the server rejected our request due to an error in our request: ${why}`);
}

function tokens(path: string): string[] {
  return path === ""
    ? []
    : path
        .slice(1)
        .split("/")
        .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Undefined where nothing is; JSON has no undefined of its own. */
function find(document: unknown, path: string): unknown {
  let value = document;
  for (const token of tokens(path)) {
    if (Array.isArray(value)) value = isIndex(token) ? (value as unknown[])[Number(token)] : undefined;
    else value = isObject(value) ? own(value, token) : undefined;
  }
  return value;
}

function read(document: unknown, path: string, op: string): unknown {
  const value = find(document, path);
  if (value === undefined) throw failure(`${op} operation does not apply: doc is missing key: ${path}: missing value`);
  return value;
}

function parentOf(document: unknown, path: string, op: string): { parent: unknown; key: string } {
  const cut = path.lastIndexOf("/");
  const parent = find(document, path.slice(0, cut));
  if (typeof parent !== "object" || parent === null) {
    throw failure(`${op} operation does not apply: doc is missing path: ${path}: missing value`);
  }
  return { parent, key: tokens(path).at(-1) ?? "" };
}

function add(document: unknown, { path, value }: { readonly path: string; readonly value: unknown }): unknown {
  if (path === "") return value;
  const { parent, key } = parentOf(document, path, "add");
  if (Array.isArray(parent)) {
    const index = key === "-" ? parent.length : Number(key);
    if ((key !== "-" && !isIndex(key)) || index > parent.length) {
      throw failure(`add operation does not apply: doc is missing path: ${path}: invalid index referenced`);
    }
    parent.splice(index, 0, value);
  } else setOwn(parent as Record<string, unknown>, key, value);
  return document;
}

function put(document: unknown, path: string, value: unknown): unknown {
  const { parent, key } = parentOf(document, path, "replace");
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else setOwn(parent as Record<string, unknown>, key, value);
  return document;
}

function remove(document: unknown, path: string): unknown {
  if (path === "") throw failure("remove operation does not apply: the whole document cannot be removed");
  if (find(document, path) === undefined) {
    throw failure(`remove operation does not apply: doc is missing key: ${path}: missing value`);
  }
  const { parent, key } = parentOf(document, path, "remove");
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Record<string, unknown>)[key];
  return document;
}

function isIndex(token: string): boolean {
  return /^(0|[1-9]\d{0,8})$/.test(token);
}
