import type { DataplaneState, StateChange } from "./protocol.ts";

type Plain = Readonly<Record<string, unknown>>;

/** The depth of `dns.snapshot.services.NAME` and `ingress.backends.NAME`: single entries change, not their insides. */
const DEEPEST = 4;

/** What leads from one state to the other, entry by entry. Pure. */
export function diffState(from: DataplaneState, to: DataplaneState): StateChange[] {
  return diff(from as Plain, to as Plain, []);
}

function diff(from: Plain, to: Plain, at: readonly string[]): StateChange[] {
  const changes: StateChange[] = [];
  for (const name of Object.keys(from)) if (to[name] === undefined) changes.push({ path: [...at, name] });
  for (const [name, value] of Object.entries(to)) {
    const old = from[name];
    if (value === undefined || value === old) continue;
    const path = [...at, name];
    if (path.length < DEEPEST && isPlain(old) && isPlain(value)) changes.push(...diff(old, value, path));
    else if (JSON.stringify(old) !== JSON.stringify(value)) changes.push({ path, value });
  }
  return changes;
}

/** A new state; what did not change is shared with the old one. Pure. */
export function changeState(state: DataplaneState, changes: readonly StateChange[]): DataplaneState {
  return changes.reduce<Plain>((next, { path, value }) => change(next, path, value), state as Plain) as DataplaneState;
}

function change(target: Plain, [name = "", ...rest]: readonly string[], value: unknown): Plain {
  if (rest.length === 0) {
    if (value !== undefined) return own(target, name, value);
    const { [name]: _, ...others } = target;
    return others;
  }
  const inner = Object.hasOwn(target, name) ? target[name] : undefined;
  return own(target, name, change(isPlain(inner) ? inner : {}, rest, value));
}

/** Names come from users: `__proto__` is a name like any other. */
function own(target: Plain, name: string, value: unknown): Plain {
  const copy: Record<string, unknown> = { ...target };
  Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
