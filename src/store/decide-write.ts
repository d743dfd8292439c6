import { createHash } from "node:crypto";
import { ApiError, type ApiErrorDetails } from "../api/api-error.ts";
import type { KubeObject, ObjectMeta } from "../api/kinds.ts";
import { timestamp } from "../lib/clock.ts";
import { type History, historyOf, joinHistories, seenBeside } from "./merge/history.ts";
import { earlierDeletion } from "./merge/merge-states.ts";
import type { ObjectEntry } from "./object-entry.ts";
import type { Binding, Content, ObjectState, RegisterValue } from "./object-state.ts";
import type { Stored } from "./object-table.ts";
import type { Key, Precondition, Register } from "./port.ts";
import { sameValue } from "./same-value.ts";
import { type ObjectParts, splitObject } from "./split-object.ts";
import { type Stamp, successor, ZERO_STAMP } from "./merge/stamp.ts";

/** The state to write, or the entry that already says it. */
export type Decision = { readonly next: ObjectState } | { readonly settled: ObjectEntry };

/** What a decision takes from the outside. */
export interface Draws {
  stamp(): Stamp;
  uuid(): string;
  /** Names this replica among those of the cluster. */
  readonly replica: string;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export interface CreateInput {
  readonly object: KubeObject;
  readonly cause: readonly string[] | undefined;
}

/** Insert if absent. A repeated create, known by its uid or its cause, finds what the first one made. */
export function decideCreate(key: Key, current: Stored | undefined, input: CreateInput, draws: Draws): Decision {
  const cause = input.cause && causeDigest(key, input.cause);
  const given = input.object.metadata.uid;
  if (current?.entry) {
    const repeated = cause !== undefined ? current.state.cause === cause : given === current.state.uid;
    if (repeated) return { settled: current.entry };
    throw new ApiError("AlreadyExists", `${key.resource} "${key.name}" already exists`, details(key));
  }
  const parts = splitObject(key.resource, input.object);
  const header = cause === undefined ? freshHeader(given, draws) : causedHeader(cause, current?.state);
  const stamp = cause === undefined ? header.created : ZERO_STAMP;
  const metadata: Partial<ObjectMeta> = parts.main["metadata"] as ObjectMeta;
  const content: Content = {
    ...parts.main,
    metadata: {
      name: key.name,
      ...(key.namespace === "" ? {} : { namespace: key.namespace }),
      ...metadata,
      uid: header.uid,
      creationTimestamp: metadata.creationTimestamp ?? timestamp(draws.now()),
    },
  };
  const main = { stamp, content, ...(cause === undefined ? { by: draws.replica } : {}) };
  return {
    next: {
      key,
      ...header,
      main,
      seen: seenAfter(current?.state, main),
      status: parts.status && { stamp, content: parts.status },
      binding: parts.nodeName === undefined ? undefined : { stamp, nodeName: parts.nodeName },
      deletion: parts.deletion,
    },
  };
}

/** Joined with what was known here when it was written. */
function seenAfter(before: ObjectState | undefined, main: RegisterValue): History | undefined {
  return seenBeside(joinHistories(before ? historyOf(before) : {}, historyOf({ main })), main);
}

type Header = Pick<ObjectState, "uid" | "created" | "cause">;

function freshHeader(uid: string | undefined, draws: Draws): Header {
  return { uid: uid ?? draws.uuid(), created: draws.stamp(), cause: undefined };
}

/**
 * The same on every node that knows the same predecessor. A predecessor's tombstone beats everything of its own uid
 * and of an older incarnation, so what comes after it takes another uid and the next stamp.
 */
function causedHeader(cause: string, predecessor: ObjectState | undefined): Header {
  if (predecessor?.tombstone === undefined) return { uid: cause, created: ZERO_STAMP, cause };
  return { uid: digestUuid([cause, predecessor.uid]), created: successor(predecessor.created), cause };
}

export function decideUpdate(
  current: Stored | undefined,
  input: { readonly key: Key; readonly object: KubeObject; readonly options: Precondition & { register: Register } },
  draws: Draws,
): Decision {
  const { key, object, options } = input;
  const entry = expectCurrent(key, current, options);
  const parts = splitObject(key.resource, object);
  const next = options.register === "main" ? nextMain(entry, parts, draws) : nextStatus(entry, parts, draws);
  return next === entry.state ? { settled: entry } : { next };
}

/** Set-once fields are written beside the rest, so that setting one overwrites no change made elsewhere. */
function nextMain(entry: ObjectEntry, parts: ObjectParts, draws: Draws): ObjectState {
  const { state } = entry;
  const old = state.main?.content["metadata"] as ObjectMeta;
  const metadata = {
    ...(parts.main["metadata"] as ObjectMeta),
    uid: state.uid,
    creationTimestamp: old.creationTimestamp,
  };
  const content = { ...parts.main, metadata };
  const same = sameValue(content, state.main?.content);
  const main = state.main && same ? state.main : { stamp: draws.stamp(), content, by: draws.replica };
  const binding = nextBinding(entry, parts.nodeName, draws);
  const deletion = earlierDeletion(state.deletion, parts.deletion);
  if (main === state.main && binding === state.binding && deletion === state.deletion) return state;
  const seen = main === state.main ? state.seen : seenAfter(state, main);
  return { ...state, main, binding, deletion, seen };
}

function nextBinding(entry: ObjectEntry, nodeName: string | undefined, draws: Draws): Binding | undefined {
  const { binding, key } = entry.state;
  if (nodeName === undefined || nodeName === binding?.nodeName) return binding;
  if (binding === undefined) return { stamp: draws.stamp(), nodeName };
  throw conflict(key, `spec.nodeName is set once and is ${binding.nodeName} already`);
}

function nextStatus(entry: ObjectEntry, parts: ObjectParts, draws: Draws): ObjectState {
  const content = parts.status ?? {};
  if (sameValue(content, entry.state.status?.content ?? {})) return entry.state;
  return { ...entry.state, status: { stamp: draws.stamp(), content } };
}

export function decideDelete(
  key: Key,
  current: Stored | undefined,
  options: Precondition & { readonly stamp: () => Stamp },
): Decision {
  const { state } = expectCurrent(key, current, options);
  const { uid, created, cause } = state;
  const seen = seenBeside(historyOf(state), undefined);
  return { next: { key, uid, created, cause, tombstone: options.stamp(), seen } };
}

function expectCurrent(key: Key, current: Stored | undefined, { resourceVersion, uid }: Precondition): ObjectEntry {
  const entry = current?.entry;
  if (!entry) throw new ApiError("NotFound", `${key.resource} "${key.name}" not found`, details(key));
  if (uid !== undefined && uid !== entry.uid)
    throw conflict(key, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${entry.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== entry.resourceVersion)
    throw conflict(key, "the object has been modified; please apply your changes to the latest version and try again");
  return entry;
}

function conflict(key: Key, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${key.resource} "${key.name}": ${why}`;
  return new ApiError("Conflict", message, details(key));
}

export function details(key: Key): ApiErrorDetails {
  const dot = key.resource.indexOf(".");
  if (dot < 0) return { name: key.name, kind: key.resource };
  return { name: key.name, group: key.resource.slice(dot + 1), kind: key.resource.slice(0, dot) };
}

/** The uid that a cause gives to a key's first incarnation. */
export function causeDigest(key: Key, cause: readonly string[]): string {
  return digestUuid([key.resource, key.namespace, key.name, ...cause]);
}

/** A version 8 UUID (RFC 9562) of a SHA-256. */
function digestUuid(parts: readonly string[]): string {
  const bytes = createHash("sha256").update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
