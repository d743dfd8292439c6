import type { ApplyResult } from "../applied.ts";
import { keyId, type ObjectState } from "../object-state.ts";
import type { Key } from "../port.ts";
import { BucketDigest, BUCKETS } from "./bucket-digest.ts";
import { readStates } from "./read-states.ts";
import type { Message, ReplicaLinks } from "./replica-links.ts";

/** What is replicated, as the store of a node gives it. */
export interface ReplicatedStore {
  states(): Iterable<ObjectState>;
  state(key: Key): ObjectState | undefined;
  apply(states: readonly ObjectState[]): Promise<ApplyResult>;
  /** Forgets tombstones for which `isDone` holds. */
  collect(isDone: (tombstone: ObjectState) => boolean): Promise<void>;
  /** Another replica has these tombstones. */
  confirmTombstones(replica: string, tombstones: Iterable<ObjectState>): void;
}

/** Told of what happens, for metrics and Events; must not throw. */
export interface ExchangeObserver {
  /** Merged here, from another replica: pushed by it, or found missing by comparing. */
  readonly received: (count: number, how: "push" | "repair") => void;
  /** States of another replica that were not taken, because their stamps are too far ahead of this node's clock. */
  readonly refused: (from: string, keys: readonly Key[]) => void;
}

export interface ReplicaExchangeDeps {
  readonly store: ReplicatedStore;
  readonly links: ReplicaLinks;
  readonly replicates: (key: Key) => boolean;
  readonly observer: ExchangeObserver;
}

/** Names a tombstone that may be dropped. */
interface Over {
  readonly id: string;
  readonly uid: string;
}

/** How many keys one question names. */
const MOST_KEYS = 4096;
/** One message carries so much of states, or a single larger one. */
const MESSAGE_BYTES = 512 * 1024;

/**
 * What two replicas say to one another, three questions:
 *
 *     store-push     { states, over, all }        -> { refused, over }             what has changed; `all`: fails if refused
 *     store-compare  { hashes }                   -> { differ }                    which buckets are not equal
 *     store-buckets  { buckets: { n: { id: version } } } -> { states, wanted, more }   what the asker lacks, what it has more
 *
 * `over` lists tombstones that the sender has collected; every member had them. States carry what is secret in plain:
 * each replica seals with keys of its own.
 */
export class ReplicaExchange {
  readonly #deps: ReplicaExchangeDeps;
  /** Found missing by comparing, and being written. */
  readonly #repaired = new Set<string>();

  constructor(deps: ReplicaExchangeDeps) {
    this.#deps = deps;
  }

  /** Whether what changes under this key now is a repair: others have it since long. */
  isRepair(key: Key): boolean {
    return this.#repaired.has(keyId(key));
  }

  /** Resolves once the other has these on its disk, but for what it has refused by its clock. */
  async push(replica: string, states: readonly ObjectState[], signal: AbortSignal): Promise<void> {
    for (const part of inParts(states)) await this.#send(replica, { states: part, over: [] }, signal);
  }

  /** Afterwards both have what either had. */
  async compare(replica: string, signal: AbortSignal): Promise<void> {
    const { links, store } = this.#deps;
    const digest = this.#digest();
    const { differ } = await links.ask(replica, { kind: "store-compare", hashes: digest.hashes() }, signal);
    const unequal = new Set(Array.isArray(differ) ? differ.map(Number) : []);
    store.confirmTombstones(
      replica,
      equalTombstones(digest, (bucket) => !unequal.has(bucket)),
    );
    let left = [...unequal].filter((bucket) => bucket >= 0 && bucket < BUCKETS);
    while (left.length > 0) left = await this.#compareBuckets(replica, left, signal);
  }

  async answerPush(question: Message, from: string): Promise<Message> {
    const { refused, over } = await this.#take(question, { from, how: "push" });
    if (question["all"] === true && refused.length > 0) throw new Error("Cannot take it: your clock is too far ahead");
    return { refused, over };
  }

  async answerCompare({ hashes }: Message, from: string): Promise<Message> {
    if (!Array.isArray(hashes) || hashes.length !== BUCKETS) throw new Error("Cannot compare: there are no hashes");
    const digest = this.#digest();
    const ours = digest.hashes();
    const differ = ours.flatMap((hash, bucket) => (hash === hashes[bucket] ? [] : [bucket]));
    const unequal = new Set(differ);
    this.#deps.store.confirmTombstones(
      from,
      equalTombstones(digest, (bucket) => !unequal.has(bucket)),
    );
    return { differ };
  }

  async answerBuckets({ buckets }: Message): Promise<Message> {
    const digest = this.#digest();
    const missing: ObjectState[] = [];
    const wanted: string[] = [];
    for (const [index, value] of Object.entries((buckets ?? {}) as Record<string, Record<string, unknown>>)) {
      const theirs = new Map(Object.entries(value));
      for (const { id, version, state } of digest.bucket(Number(index))) {
        const other = theirs.get(id);
        theirs.delete(id);
        if (other === version) continue;
        missing.push(state);
        if (other !== undefined) wanted.push(id);
      }
      wanted.push(...theirs.keys());
    }
    const [states = [], ...more] = inParts(missing);
    return { states, wanted, more: more.length > 0 };
  }

  /** Some of these buckets; gives those that are left. */
  async #compareBuckets(replica: string, indexes: readonly number[], signal: AbortSignal): Promise<number[]> {
    const { links } = this.#deps;
    const digest = this.#digest();
    const buckets: Record<string, Record<string, string>> = {};
    let count = 0;
    const asked = indexes.filter((index) => {
      const entries = digest.bucket(index);
      if (count > 0 && count + entries.length > MOST_KEYS) return false;
      count += Math.max(1, entries.length);
      buckets[index] = Object.fromEntries(entries.map(({ id, version }) => [id, version]));
      return true;
    });
    const answer = await links.ask(replica, { kind: "store-buckets", buckets }, signal);
    const { refused, over, taken } = await this.#take(answer, { from: replica, how: "repair" });
    const wanted = new Set(Array.isArray(answer["wanted"]) ? answer["wanted"] : []);
    const states = asked.flatMap((index) => digest.bucket(index)).filter(({ id }) => wanted.has(id));
    const now = states.flatMap(({ state }) => this.#deps.store.state(state.key) ?? []);
    for (const part of inParts(now)) await this.#send(replica, { states: part, over: [] }, signal);
    if (over.length > 0) await this.#send(replica, { states: [], over }, signal);
    const rest = indexes.filter((index) => !asked.includes(index));
    // The other has more than one message takes: once more, unless nothing came of it.
    const progress = taken > refused.length + over.length;
    return answer["more"] === true && progress ? [...asked, ...rest] : rest;
  }

  async #send(
    replica: string,
    message: { readonly states: readonly ObjectState[]; readonly over: readonly Over[] },
    signal: AbortSignal,
  ): Promise<void> {
    const { links, store } = this.#deps;
    const answer = await links.ask(replica, { kind: "store-push", ...message }, signal);
    await this.#drop(answer["over"]);
    const refused = new Set(Array.isArray(answer["refused"]) ? answer["refused"] : []);
    store.confirmTombstones(
      replica,
      message.states.filter(({ key }) => !refused.has(keyId(key))),
    );
  }

  async #take(
    message: Message,
    { from, how }: { readonly from: string; readonly how: "push" | "repair" },
  ): Promise<{ readonly refused: readonly string[]; readonly over: readonly Over[]; readonly taken: number }> {
    const { store, replicates, observer } = this.#deps;
    const { states } = readStates(message["states"], replicates);
    const repaired = how === "repair" ? states.map(({ key }) => keyId(key)) : [];
    for (const id of repaired) this.#repaired.add(id);
    const { refused, over } = await store.apply(states).finally(() => {
      for (const id of repaired) this.#repaired.delete(id);
    });
    await this.#drop(message["over"]);
    observer.received(states.length - refused.length - over.length, how);
    if (refused.length > 0) observer.refused(from, refused);
    const overIds = new Set(over.map(keyId));
    return {
      refused: refused.map(keyId),
      over: states.filter(({ key }) => overIds.has(keyId(key))).map(({ key, uid }) => ({ id: keyId(key), uid })),
      taken: states.length,
    };
  }

  /** Drops tombstones that another replica has collected. */
  async #drop(over: unknown): Promise<void> {
    if (!Array.isArray(over) || over.length === 0) return;
    const done = new Set((over as Partial<Over>[]).map(({ id, uid }) => `${id} ${uid}`));
    await this.#deps.store.collect(({ key, uid }) => done.has(`${keyId(key)} ${uid}`));
  }

  #digest(): BucketDigest {
    const { store, replicates } = this.#deps;
    return new BucketDigest(filtered(store.states(), ({ key }) => replicates(key)));
  }
}

function* equalTombstones(digest: BucketDigest, isEqual: (bucket: number) => boolean): Generator<ObjectState> {
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    if (!isEqual(bucket)) continue;
    for (const { state } of digest.bucket(bucket)) if (state.tombstone !== undefined) yield state;
  }
}

function* filtered<T>(all: Iterable<T>, keep: (one: T) => boolean): Generator<T> {
  for (const one of all) if (keep(one)) yield one;
}

function inParts(states: readonly ObjectState[]): ObjectState[][] {
  const parts: ObjectState[][] = [];
  let room = 0;
  for (const state of states) {
    const size = JSON.stringify(state).length;
    if (size > room || parts.length === 0) {
      parts.push([]);
      room = MESSAGE_BYTES;
    }
    parts.at(-1)?.push(state);
    room -= size;
  }
  return parts;
}
