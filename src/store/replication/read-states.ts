import type { ObjectState } from "../object-state.ts";
import type { Key } from "../port.ts";
import { isContent } from "../split-object.ts";

const STAMP = /^[0-9a-f]{16}$/;

/** Of what a replica has sent, the states that are whole and that are replicated here; `dropped` counts the others. */
export function readStates(
  value: unknown,
  replicates: (key: Key) => boolean,
): { readonly states: readonly ObjectState[]; readonly dropped: number } {
  const all: readonly unknown[] = Array.isArray(value) ? value : [];
  const states = all.filter((one) => isState(one) && replicates(one.key)) as ObjectState[];
  return { states, dropped: all.length - states.length };
}

function isState(value: unknown): value is ObjectState {
  if (!isContent(value)) return false;
  const { key, uid, created, cause, tombstone, main, status, binding, deletion, claimants, seen } = value;
  return (
    isKey(key) &&
    isText(uid) &&
    isStamp(created) &&
    isMaybe(cause, isText) &&
    isMaybe(tombstone, isStamp) &&
    isMaybe(main, isMain) &&
    isMaybe(status, isRegister) &&
    isMaybe(binding, (one) => isContent(one) && isStamp(one["stamp"]) && isText(one["nodeName"])) &&
    isMaybe(deletion, (one) => isContent(one) && isText(one["timestamp"])) &&
    isMaybe(claimants, (one) => isContent(one) && Object.values(one).every(isText)) &&
    isMaybe(seen, (one) => isContent(one) && Object.values(one).every(isStamp))
  );
}

function isKey(value: unknown): value is Key {
  return isContent(value) && [value["resource"], value["namespace"], value["name"]].every(isText);
}

function isRegister(value: unknown): boolean {
  return isContent(value) && isStamp(value["stamp"]) && isContent(value["content"]);
}

function isMain(value: unknown): boolean {
  if (!isContent(value) || !isRegister(value) || !isMaybe(value["by"], isText)) return false;
  return isContent((value["content"] as Record<string, unknown>)["metadata"]);
}

function isMaybe(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isStamp(value: unknown): value is string {
  return typeof value === "string" && STAMP.test(value);
}
