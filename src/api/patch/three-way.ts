import { definitionOf, type SchemaType } from "../schema.ts";
import { isObject, type JsonObject, own, setOwn } from "./own-property.ts";

export interface ThreeWay {
  /** The manifest that was applied last time; empty when there was none. */
  readonly last: JsonObject;
  /** The manifest of now. */
  readonly wanted: JsonObject;
  /** What the server has. */
  readonly live: JsonObject;
}

/**
 * The strategic merge patch of `kubectl apply`: sets what the manifest says and the server has not, removes what the last
 * manifest had and this one has not, and leaves alone what others have added. Empty when there is nothing to do.
 * `schema` names the kind's definition.
 */
export function threeWayPatch(schema: string, { last, wanted, live }: ThreeWay): JsonObject {
  return objectPatch({ object: schema }, { last, wanted, live });
}

function objectPatch(type: SchemaType | undefined, { last, wanted, live }: ThreeWay): JsonObject {
  const definition = type !== undefined && "object" in type ? definitionOf(type.object) : undefined;
  const patch: JsonObject = {};
  for (const key of Object.keys(last)) {
    if (!Object.hasOwn(wanted, key) && Object.hasOwn(live, key)) setOwn(patch, key, null);
  }
  for (const [key, value] of Object.entries(wanted)) {
    const inner = definition?.fields.get(key) ?? (type !== undefined && "map" in type ? type.map : undefined);
    const [before, now] = [own(last, key), own(live, key)];
    if (isObject(value) && isObject(now)) {
      const nested = objectPatch(inner, { last: isObject(before) ? before : {}, wanted: value, live: now });
      if (Object.keys(nested).length > 0) setOwn(patch, key, nested);
      continue;
    }
    const marks = definition?.lists[key];
    if (Array.isArray(value) && Array.isArray(now) && marks?.strategy?.includes("merge") && inner && "list" in inner) {
      const old: readonly unknown[] = Array.isArray(before) ? before : [];
      if (marks.mergeKey === undefined) primitivesPatch(patch, key, { last: old, wanted: value, live: now });
      else
        keyedPatch(patch, { key, mergeKey: marks.mergeKey, item: inner.list }, { last: old, wanted: value, live: now });
    } else if (!sameValue(value, now)) setOwn(patch, key, value);
  }
  return patch;
}

interface Lists {
  readonly last: readonly unknown[];
  readonly wanted: readonly unknown[];
  readonly live: readonly unknown[];
}

function primitivesPatch(patch: JsonObject, key: string, { last, wanted, live }: Lists): void {
  const gone = last.filter((item) => !wanted.includes(item) && live.includes(item));
  const added = wanted.filter((item) => !live.includes(item));
  if (gone.length > 0) setOwn(patch, `$deleteFromPrimitiveList/${key}`, gone);
  if (added.length > 0) setOwn(patch, key, added);
}

interface KeyedList {
  readonly key: string;
  readonly mergeKey: string;
  readonly item: SchemaType;
}

function keyedPatch(patch: JsonObject, { key, mergeKey, item }: KeyedList, { last, wanted, live }: Lists): void {
  const idOf = (entry: unknown): unknown => (isObject(entry) ? own(entry, mergeKey) : undefined);
  const find = (list: readonly unknown[], id: unknown): JsonObject | undefined =>
    list.filter(isObject).find((entry) => own(entry, mergeKey) === id);
  const changes: unknown[] = [];
  for (const entry of wanted.filter(isObject)) {
    const now = find(live, idOf(entry));
    if (!now) changes.push(entry);
    else {
      const nested = objectPatch(item, { last: find(last, idOf(entry)) ?? {}, wanted: entry, live: now });
      if (Object.keys(nested).length > 0) changes.push({ ...nested, [mergeKey]: idOf(entry) });
    }
  }
  for (const id of new Set(last.map(idOf))) {
    if (id !== undefined && !find(wanted, id) && find(live, id)) changes.push({ $patch: "delete", [mergeKey]: id });
  }
  const order = wanted.map(idOf);
  const before = live.map(idOf).filter((id) => order.includes(id));
  const reordered = before.some((id, at) => id !== order.filter((other) => before.includes(other))[at]);
  if (changes.length === 0 && !reordered) return;
  setOwn(
    patch,
    `$setElementOrder/${key}`,
    wanted.map((entry) => ({ [mergeKey]: idOf(entry) })),
  );
  if (changes.length > 0) setOwn(patch, key, changes);
}

/** Whether two JSON values are equal, whatever the order of their fields. */
function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameValue(item, b[at]));
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
  );
}
