import { ApiError } from "../api-error.ts";
import { definitionOf } from "../schema.ts";
import type { Definition, ListMarks, SchemaType } from "../schema.ts";
import { isObject, own, setOwn } from "./own-property.ts";
import type { JsonObject } from "./own-property.ts";

const DIRECTIVE = "$patch";
const RETAIN_KEYS = "$retainKeys";
const SET_ORDER = "$setElementOrder/";
const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";

/**
 * Strategic merge patch (apimachinery `util/strategicpatch`): lists with a merge key merge item by item, `$patch`,
 * `$retainKeys`, `$setElementOrder/x` and `$deleteFromPrimitiveList/x` direct it. `schema` is the object's definition.
 * Neither object nor patch is changed. BadRequest for a patch whose directives make no sense.
 */
export function applyStrategicMerge(schema: string, object: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw new ApiError("BadRequest", "invalid character in patch: a merge patch must be an object");
  return mergeObject({ object: schema }, isObject(object) ? object : {}, patch) ?? {};
}

/** Undefined when the patch deletes the whole object. */
function mergeObject(type: SchemaType | undefined, original: JsonObject, patch: JsonObject): JsonObject | undefined {
  const { [DIRECTIVE]: directive, [RETAIN_KEYS]: retain, ...changes } = patch;
  if (directive === "delete") return undefined;
  const base = directive === "replace" ? {} : { ...original };
  if (directive !== undefined && directive !== "replace" && directive !== "merge") {
    throw new ApiError("BadRequest", `Unknown patch type found: ${JSON.stringify(directive)}`);
  }
  if (retain !== undefined) retainOnly(base, retain, changes);
  const definition = type !== undefined && "object" in type ? definitionOf(type.object) : undefined;
  for (const [key, value] of Object.entries(changes)) {
    if (key.startsWith(SET_ORDER) || key.startsWith(DELETE_PRIMITIVES)) continue;
    const merged = value === null ? undefined : mergeField({ definition, type, key, changes }, own(base, key), value);
    if (merged === undefined) delete base[key];
    else setOwn(base, key, merged);
  }
  applyListDirectives(base, changes, definition);
  return base;
}

function retainOnly(base: JsonObject, retain: unknown, changes: JsonObject): void {
  if (!Array.isArray(retain)) throw new ApiError("BadRequest", "$retainKeys must be a list of field names");
  for (const key of Object.keys(changes)) {
    if (!key.startsWith("$") && changes[key] !== null && !retain.includes(key)) {
      throw new ApiError("BadRequest", `$retainKeys does not name ${key}, which the patch sets`);
    }
  }
  for (const key of Object.keys(base)) if (!retain.includes(key)) delete base[key];
}

interface Field {
  readonly definition: Definition | undefined;
  readonly type: SchemaType | undefined;
  readonly key: string;
  readonly changes: JsonObject;
}

function mergeField({ definition, type, key, changes }: Field, original: unknown, value: unknown): unknown {
  const inner = definition?.fields.get(key) ?? (type !== undefined && "map" in type ? type.map : undefined);
  if (isObject(value)) {
    if (inner !== undefined && "primitive" in inner && inner.primitive !== "raw") return value;
    return mergeObject(inner, isObject(original) ? original : {}, value);
  }
  if (!Array.isArray(value)) return value;
  const marks = definition?.lists[key];
  if (marks?.strategy?.includes("merge") !== true || inner === undefined || !("list" in inner)) {
    return structuredClone(value);
  }
  const removed = own(changes, `${DELETE_PRIMITIVES}${key}`);
  const list = Array.isArray(original) ? without(original, removed) : [];
  return mergeList(inner.list, marks, { original: list, patch: value });
}

/** `$deleteFromPrimitiveList` and `$setElementOrder` also work where the patch does not touch the list itself. */
function applyListDirectives(base: JsonObject, changes: JsonObject, definition: Definition | undefined): void {
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith(DELETE_PRIMITIVES)) {
      const key = name.slice(DELETE_PRIMITIVES.length);
      const list = own(base, key);
      if (Array.isArray(list) && !Object.hasOwn(changes, key)) setOwn(base, key, without(list, value));
    }
  }
  for (const [name, order] of Object.entries(changes)) {
    if (!name.startsWith(SET_ORDER)) continue;
    const key = name.slice(SET_ORDER.length);
    const list = own(base, key);
    if (!Array.isArray(order)) throw new ApiError("BadRequest", `${name} must be a list`);
    if (Array.isArray(list))
      setOwn(base, key, inOrder(list, { order, before: list, key: definition?.lists[key]?.mergeKey }));
  }
}

function without(list: readonly unknown[], removed: unknown): unknown[] {
  return Array.isArray(removed) ? list.filter((item) => !removed.includes(item)) : [...list];
}

interface Lists {
  readonly original: readonly unknown[];
  readonly patch: readonly unknown[];
}

function mergeList(item: SchemaType, marks: ListMarks, { original, patch }: Lists): unknown[] {
  const { mergeKey } = marks;
  if (mergeKey === undefined) {
    const merged = [...new Set([...original, ...patch])];
    return inOrder(merged, { order: patch, before: original, key: undefined });
  }
  if (patch.some((entry) => isObject(entry) && entry[DIRECTIVE] === "replace")) {
    return patch.filter((entry) => !(isObject(entry) && entry[DIRECTIVE] === "replace"));
  }
  let merged = [...original];
  const kept: unknown[] = [];
  for (const entry of patch) {
    const id = isObject(entry) ? own(entry, mergeKey) : undefined;
    if (!isObject(entry) || id === undefined) {
      const text = JSON.stringify(entry);
      throw new ApiError("BadRequest", `map: ${text} does not contain declared merge key: ${mergeKey}`);
    }
    const at = merged.findIndex((other) => sameItem(other, entry, mergeKey));
    const found = merged[at];
    const result = mergeObject(item, isObject(found) ? found : {}, entry);
    if (result === undefined) {
      merged = merged.filter((other) => !sameItem(other, entry, mergeKey));
      continue;
    }
    kept.push(entry);
    if (at < 0) merged.push(result);
    else merged[at] = result;
  }
  return inOrder(merged, { order: kept, before: original, key: mergeKey });
}

function sameItem(a: unknown, b: unknown, key: string | undefined): boolean {
  if (key === undefined) return a === b;
  return isObject(a) && isObject(b) && own(a, key) !== undefined && String(own(a, key)) === String(own(b, key));
}

/**
 * Items that `order` names come in its order; the others keep their order of `before` and stay in front of the named
 * ones that they were in front of. So a new item comes before untouched ones, as upstream has it.
 */
function inOrder(
  merged: readonly unknown[],
  {
    order,
    before,
    key,
  }: { readonly order: readonly unknown[]; readonly before: readonly unknown[]; readonly key: string | undefined },
): unknown[] {
  const placeIn = (list: readonly unknown[], item: unknown): number =>
    list.findIndex((other) => sameItem(other, item, key));
  const named = merged
    .filter((item) => placeIn(order, item) >= 0)
    .sort((a, b) => placeIn(order, a) - placeIn(order, b));
  const others = merged.filter((item) => placeIn(order, item) < 0);
  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const left = placeIn(before, others[0]);
    const right = placeIn(before, named[0]);
    result.push(left >= 0 && right >= 0 && left < right ? others.shift() : named.shift());
  }
  return [...result, ...others, ...named];
}
