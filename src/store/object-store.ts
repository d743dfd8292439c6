import type { KubeObject } from "../api/kinds.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Applied, ApplyResult } from "./applied.ts";
import { ArrivalLog } from "./arrivals/arrival-log.ts";
import { type Arrival, ArrivalNumbers } from "./arrivals/arrival-numbers.ts";
import { CLAIMS, isClaimOver } from "./claims/claim-state.ts";
import { CollectedTombstones } from "./tombstones/collected-tombstones.ts";
import { decideCreate, decideDelete, decideUpdate, type Decision, type Draws } from "./decide-write.ts";
import { type Discarded, discardedBy } from "./merge/discarded.ts";
import type { Change, Disk } from "./disk/disk.ts";
import { EPHEMERAL_RULES, type EphemeralRule, ephemeralRule, expired } from "./ephemeral-rules.ts";
import { GroupCommit } from "./disk/group-commit.ts";
import { HybridClock } from "./merge/hybrid-clock.ts";
import { LazyFlush } from "./disk/lazy-flush.ts";
import { Listeners } from "./arrivals/listeners.ts";
import { mergeStates } from "./merge/merge-states.ts";
import { ObjectEntry } from "./object-entry.ts";
import { keyId, latestStamp, type ObjectState } from "./object-state.ts";
import { ObjectTable, type Stored } from "./object-table.ts";
import type { Entry, Key, Precondition, Register, Store, StoreEvent } from "./port.ts";
import { replayLog } from "./arrivals/replay-log.ts";
import { SettledArrivals } from "./arrivals/settled-arrivals.ts";
import { tooOld, unavailable } from "./store-refusals.ts";
import type { Stamp } from "./merge/stamp.ts";
import { Watchers } from "./arrivals/watchers.ts";
import { type Write, WriteQueues } from "./write-queues.ts";

export interface ObjectStoreDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Names this replica among those of the cluster, for telling whose write was discarded. */
  readonly replica: string;
}

export interface ObjectStoreOptions {
  /** What is acknowledged from memory and expires. */
  readonly ephemeral?: readonly EphemeralRule[];
  /** How many of the newest events stay in memory for watches that start a little behind. */
  readonly logLength?: number;
}

/** One node's replica: reads from memory, writes through a disk, in the order of the node's arrival numbers. */
export class ObjectStore implements Store {
  readonly #disk: Disk;
  readonly #logger: Logger;
  readonly #numbers: ArrivalNumbers;
  readonly #hlc: HybridClock;
  readonly #draws: Draws;
  readonly #table = new ObjectTable();
  readonly #log: ArrivalLog;
  readonly #settled: SettledArrivals;
  readonly #watchers: Watchers;
  readonly #queues = new WriteQueues();
  readonly #commits: GroupCommit;
  readonly #lazy: LazyFlush;
  readonly #rules: readonly EphemeralRule[];
  readonly #appliedListeners = new Listeners<Applied>();
  readonly #discardedListeners = new Listeners<Discarded>();
  readonly #collected = new CollectedTombstones();
  #closing: Promise<void> | undefined;
  #durableChanges = 0;

  constructor({ disk, clock, random, logger, replica }: ObjectStoreDeps, options: ObjectStoreOptions = {}) {
    const { ephemeral = EPHEMERAL_RULES, logLength = 1024 } = options;
    const contents = disk.load();
    this.#disk = disk;
    this.#logger = logger;
    this.#rules = ephemeral;
    this.#numbers = new ArrivalNumbers(clock, { incarnation: contents.incarnation, last: contents.lastArrival });
    this.#hlc = new HybridClock(clock, contents.lastStamp);
    this.#draws = { stamp: () => this.#hlc.next(), uuid: () => random.uuid(), replica, now: () => clock.now() };
    for (const { state, arrival } of contents.states) this.#table.set(state.key, this.#stored(state, arrival));
    const newest = contents.lastArrival || this.#numbers.next();
    this.#log = new ArrivalLog(newest, logLength);
    this.#settled = new SettledArrivals(newest);
    this.#watchers = new Watchers(logger);
    this.#commits = new GroupCommit(disk, () => this.#hlc.last);
    this.#lazy = new LazyFlush({ commits: this.#commits, clock, logger });
  }

  get resourceVersion(): string {
    return this.#numbers.format(this.#settled.upTo());
  }

  get(key: Key): Entry | undefined {
    return this.#table.get(key)?.entry;
  }

  list(resource: string, namespace?: string): { entries: readonly Entry[]; resourceVersion: string } {
    const resourceVersion = this.#numbers.format(this.#settled.upTo(resource));
    return { entries: this.#table.list(resource, namespace), resourceVersion };
  }

  watch(resource: string, since: string | undefined, listener: (event: StoreEvent) => void, signal: AbortSignal): void {
    let replayed: StoreEvent[] = [];
    if (since !== undefined) {
      const after = this.#numbers.parse(since);
      if (after === undefined || after > this.#numbers.last) throw tooOld(since);
      const events = this.#replay(resource, after);
      if (!events) throw tooOld(since, this.#numbers.format(this.#log.horizon));
      replayed = events;
    }
    this.#watchers.add(resource, { listener, last: this.#settled.upTo(resource), replayed }, signal);
  }

  async create(key: Key, object: KubeObject, options: { readonly cause?: readonly string[] } = {}): Promise<Entry> {
    const input = { object, cause: options.cause };
    return this.#write(key, (current) => decideCreate(key, current, input, this.#draws));
  }

  async update(key: Key, object: KubeObject, options: Precondition & { register: Register }): Promise<Entry> {
    return this.#write(key, (current) => decideUpdate(current, { key, object, options }, this.#draws));
  }

  async delete(key: Key, precondition: Precondition = {}): Promise<Entry> {
    const options = { ...precondition, stamp: () => this.#draws.stamp() };
    return this.#write(key, (current) => decideDelete(key, current, options));
  }

  /** A change that is neither of the three above, such as a claim. The same state means that there is none. */
  async transform(
    key: Key,
    next: (current: ObjectState | undefined, stamp: () => Stamp) => ObjectState,
  ): Promise<Entry> {
    return this.#write(key, (current) => {
      const state = next(current?.state, this.#draws.stamp.bind(this.#draws));
      return current?.entry && state === current.state ? { settled: current.entry } : { next: state };
    });
  }

  /** Merges what another node has. Resolves once it is durable here. */
  async apply(states: readonly ObjectState[]): Promise<ApplyResult> {
    const refused: Key[] = [];
    const over: Key[] = [];
    const writes = states.map(async (state) => {
      const rule = ephemeralRule(this.#rules, state.key);
      if (rule && expired(rule, state, this.#draws.now())) return;
      if (isClaimOver(state, this.#draws.now())) return;
      if (this.#collected.has(state)) over.push(state.key);
      else if (!this.#hlc.observe(latestStamp(state))) refused.push(state.key);
      else await this.#merge(state);
    });
    await Promise.all(writes);
    return { refused, over };
  }

  /** Every state, for digests, backups and replication. */
  *states(resource?: string): Generator<ObjectState> {
    for (const { state } of this.#table.all(resource)) yield state;
  }

  state(key: Key): ObjectState | undefined {
    return this.#table.get(key)?.state;
  }

  /** How many changes there have been since the start, but for those of what expires. */
  get durableChanges(): number {
    return this.#durableChanges;
  }

  /** Whether all of a resource expires. */
  isEphemeral(resource: string): boolean {
    return this.#rules.some((rule) => rule.resource === resource && rule.namespace === undefined);
  }

  /** What is shown of a resource and does not expire. */
  durableEntries(resource: string): readonly ObjectEntry[] {
    return this.#table.list(resource).filter(({ key }) => !ephemeralRule(this.#rules, key));
  }

  resources(): string[] {
    return this.#table.resources();
  }

  /** Calls `listener` after each change; it must not throw. */
  onApplied(listener: (applied: Applied) => void, signal: AbortSignal): void {
    this.#appliedListeners.add(listener, signal);
  }

  /**
   * Calls `listener` with each change that a merge here has dropped; it must not throw. Another replica may tell of the
   * same one. What expires is left out, and so are claims, whose holders see for themselves.
   */
  onDiscarded(listener: (discarded: Discarded) => void, signal: AbortSignal): void {
    this.#discardedListeners.add(listener, signal);
  }

  /** Forgets tombstones for which `isDone` holds. */
  async collect(isDone: (tombstone: ObjectState) => boolean): Promise<void> {
    const done = [...this.states()].filter((state) => state.tombstone !== undefined && isDone(state));
    await this.forget(done);
    for (const state of done) if (!this.state(state.key)) this.#collected.add(state);
  }

  /** Removes these states without a trace, where nothing has changed them meanwhile. */
  async forget(states: readonly ObjectState[]): Promise<void> {
    await Promise.all(states.map((state) => this.#remove(state)));
  }

  /** Takes out what is past its time or above its namespace's cap. */
  async expire(): Promise<void> {
    const now = this.#draws.now();
    const over = this.#rules.flatMap((rule) =>
      [...this.states(rule.resource)].filter(
        (state) => ephemeralRule(this.#rules, state.key) === rule && expired(rule, state, now),
      ),
    );
    const claims = [...this.states(CLAIMS)].filter((state) => isClaimOver(state, now));
    await this.forget([...over, ...claims]);
  }

  /** Finishes what is under way; later writes fail. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#commits.settled();
    this.#lazy.flush();
    await this.#commits.settled();
    await this.#disk.close();
  }

  #replay(resource: string, after: Arrival): StoreEvent[] | undefined {
    const recent = this.#log.after(resource, Math.max(after, this.#log.horizon)).map(({ event }) => event);
    if (after >= this.#log.horizon) return recent;
    const range = { after, upTo: this.#log.horizon };
    // It has left the memory, and is not on the disk yet.
    if (this.#lazy.lacks(resource, range)) return undefined;
    const logged = this.#disk.log(resource, range);
    return logged && [...replayLog(logged, (arrival) => this.#numbers.format(arrival)), ...recent];
  }

  #write(key: Key, decide: (current: Stored | undefined) => Decision): Promise<Entry> {
    if (this.#closing) return Promise.reject(unavailable(key, new Error("the store is closed")));
    return new Promise((resolve, reject) => {
      this.#queues.enter(keyId(key), (release) => {
        try {
          const current = this.#table.get(key);
          const decision = decide(current);
          if ("settled" in decision) {
            release();
            resolve(decision.settled);
            return;
          }
          const changes = this.#changes(current?.state, decision.next);
          this.#submit({ key, changes, local: true, release, resolve, reject });
        } catch (error) {
          release();
          reject(error as Error);
        }
      });
    });
  }

  async #merge(theirs: ObjectState): Promise<void> {
    let discarded: Discarded | undefined;
    await this.#alone(theirs.key, (current) => {
      const merged = mergeStates(current, theirs);
      if (merged === current) return [];
      discarded = current && discardedBy(merged, [current, theirs]);
      return this.#changes(current, merged);
    });
    if (discarded && !ephemeralRule(this.#rules, theirs.key)) this.#discardedListeners.tell(discarded);
  }

  #remove(state: ObjectState): Promise<void> {
    return this.#alone(state.key, (current) => (current === state ? [this.#removal(state)] : []));
  }

  /** Runs a change that is not a user's write, in its turn. */
  #alone(key: Key, change: (current: ObjectState | undefined) => readonly Change[]): Promise<void> {
    if (this.#closing) return Promise.reject(unavailable(key, new Error("the store is closed")));
    return new Promise((resolve, reject) => {
      this.#queues.enter(keyId(key), (release) => {
        const changes = change(this.#table.get(key)?.state);
        if (changes.length > 0) {
          this.#submit({ key, changes, local: false, release, resolve: () => resolve(), reject });
          return;
        }
        release();
        resolve();
      });
    });
  }

  #submit(write: Write<ObjectEntry>): void {
    const { key, changes, local, release, resolve, reject } = write;
    const rule = ephemeralRule(this.#rules, key);
    const settle = (): void => {
      const entry = this.#apply(changes, local);
      release();
      resolve(entry as ObjectEntry);
    };
    if (rule && !this.#settled.isPending(key.resource)) {
      this.#lazy.add(changes);
      settle();
      if (local) this.#keepCap(rule, key.namespace);
      return;
    }
    // What waits in memory must not reach the disk after a later version of it.
    if (rule) this.#lazy.flush();
    for (const { arrival } of changes) this.#settled.begin(key.resource, arrival);
    this.#commits.add({
      changes,
      committed: settle,
      failed: (error) => {
        for (const { arrival } of changes) this.#settled.end(key.resource, arrival);
        release();
        reject(unavailable(key, error));
      },
    });
  }

  /** Shows changes to readers and watchers; returns the last entry among them. */
  #apply(changes: readonly Change[], local: boolean): ObjectEntry | undefined {
    let last: ObjectEntry | undefined;
    if (changes[0] && !ephemeralRule(this.#rules, changes[0].key)) this.#durableChanges += changes.length;
    for (const { arrival, key, event, after } of changes) {
      const previous = this.#table.get(key)?.entry;
      const entry = event && event.type !== "DELETED" ? event.entry : undefined;
      this.#table.set(key, after && { state: after, entry });
      this.#settled.end(key.resource, arrival);
      if (event) {
        last = event.entry;
        const arrived = { arrival, event: { ...event, previous } };
        this.#log.append(arrived);
        this.#watchers.publish(arrived);
        event.entry.forgetText();
      }
      if (after) this.#appliedListeners.tell({ state: after, local });
    }
    return last;
  }

  /** The steps from one state of a key to the next; two where an incarnation takes another's place. */
  #changes(before: ObjectState | undefined, after: ObjectState): Change[] {
    const { key } = after;
    const shown = before && isShown(before) ? before : undefined;
    const shows = isShown(after);
    if (shown && (!shows || shown.uid !== after.uid)) {
      const gone = this.#change(key, { type: "DELETED", show: shown }, { before, after: shows ? undefined : after });
      return shows ? [gone, this.#change(key, { type: "ADDED", show: after }, { before: undefined, after })] : [gone];
    }
    if (!shows) return [this.#change(key, undefined, { before, after })];
    return [this.#change(key, { type: shown ? "MODIFIED" : "ADDED", show: after }, { before, after })];
  }

  #removal(state: ObjectState): Change {
    const event = isShown(state) ? ({ type: "DELETED", show: state } as const) : undefined;
    return this.#change(state.key, event, { before: state, after: undefined });
  }

  #change(
    key: Key,
    event: { readonly type: StoreEvent["type"]; readonly show: ObjectState } | undefined,
    states: Pick<Change, "before" | "after">,
  ): Change {
    const arrival = this.#numbers.next();
    const entry = event && new ObjectEntry(event.show, this.#numbers.format(arrival));
    return { arrival, key, event: event && entry && { type: event.type, entry }, ...states };
  }

  #stored(state: ObjectState, arrival: Arrival): Stored {
    return { state, entry: isShown(state) ? new ObjectEntry(state, this.#numbers.format(arrival)) : undefined };
  }

  /** Drops the oldest tenth when a namespace has more than it may. */
  #keepCap(rule: EphemeralRule, namespace: string): void {
    if (this.#table.count(rule.resource, namespace) <= rule.perNamespace) return;
    const oldest = [...this.#table.list(rule.resource, namespace)]
      .toSorted((a, b) => (latestStamp(a.state) < latestStamp(b.state) ? -1 : 1))
      .slice(0, Math.ceil(rule.perNamespace / 10));
    this.#logger.debug("dropped the oldest of a namespace", {
      resource: rule.resource,
      namespace,
      count: oldest.length,
    });
    for (const { state } of oldest) {
      this.#remove(state).catch((error: unknown) =>
        this.#logger.warn("cannot drop the oldest of a namespace", { error }),
      );
    }
  }
}

function isShown(state: ObjectState): boolean {
  return state.main !== undefined && state.tombstone === undefined;
}
