import { hash } from "node:crypto";
import type { History } from "./merge/history.ts";
import type { Key } from "./port.ts";
import type { Stamp } from "./merge/stamp.ts";

export type Content = Readonly<Record<string, unknown>>;

/** One last-writer-wins register. */
export interface RegisterValue {
  readonly stamp: Stamp;
  readonly content: Content;
  /** The replica that wrote it; only of `main`, and not of what a controller created. */
  readonly by?: string | undefined;
}

/** Where a pod is bound to: set once. */
export interface Binding {
  readonly stamp: Stamp;
  readonly nodeName: string;
}

/** A graceful deletion under way: set once; only an earlier end replaces it. */
export interface Deletion {
  readonly timestamp: string;
  readonly seconds: number | undefined;
}

/**
 * Who has asked for a claim: "STAMP/HOLDER" to the stamp of its release, or to "" while it is held. Entries are only
 * added and released, so that the sets of two sides of a parting join.
 */
export type Claimants = Readonly<Record<string, string>>;

/**
 * What a node knows of one key: one incarnation (create stamp and uid) and its registers, each of which may be missing
 * so far. Also the unit of replication. A tombstone has no registers.
 */
export interface ObjectState {
  readonly key: Key;
  readonly uid: string;
  readonly created: Stamp;
  /** The digest of the cause, for what a controller created. */
  readonly cause?: string | undefined;
  readonly tombstone?: Stamp | undefined;
  /** Everything but `status` and the fields below; without resourceVersion. */
  readonly main?: RegisterValue | undefined;
  readonly status?: RegisterValue | undefined;
  readonly binding?: Binding | undefined;
  readonly deletion?: Deletion | undefined;
  readonly claimants?: Claimants | undefined;
  /** The writes of `main` that this comes after, of older incarnations too, where there are more than that one. */
  readonly seen?: History | undefined;
}

export function keyId(key: Key): string {
  return `${key.resource}/${key.namespace}/${key.name}`;
}

const hashes = new WeakMap<Content, string>();

/** Breaks ties between registers with one stamp in the same way everywhere. */
export function contentHash(content: Content): string {
  let known = hashes.get(content);
  if (known === undefined) {
    known = hash("sha256", JSON.stringify(content), "hex").slice(0, 32);
    hashes.set(content, known);
  }
  return known;
}

/** Equal for equal states only, whatever they have seen: what digests compare. */
export function stateVersion(state: ObjectState): string {
  const register = (value: RegisterValue | undefined): string =>
    value ? `${value.stamp}${contentHash(value.content)}` : "";
  return hash(
    "sha256",
    [
      state.created,
      state.uid,
      state.tombstone ?? "",
      register(state.main),
      register(state.status),
      state.binding ? `${state.binding.stamp}${state.binding.nodeName}` : "",
      state.deletion ? `${state.deletion.timestamp} ${state.deletion.seconds ?? ""}` : "",
      state.claimants ? Object.entries(state.claimants).map(String).toSorted(compareText).join(" ") : "",
    ].join("\n"),
    "hex",
  ).slice(0, 32);
}

/** The latest stamp in a state. */
export function latestStamp(state: ObjectState): Stamp {
  const { created, tombstone, main, status, binding, claimants = {} } = state;
  const claimed = Object.entries(claimants).flatMap(([id, released]) => [id.slice(0, created.length), released]);
  return [created, tombstone, main?.stamp, status?.stamp, binding?.stamp, ...claimed].reduce<Stamp>(
    (latest, stamp) => (stamp !== undefined && stamp > latest ? stamp : latest),
    "",
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
