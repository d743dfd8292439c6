import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { Random } from "../../lib/random.ts";
import type { Applied } from "../applied.ts";
import { keyId, type ObjectState } from "../object-state.ts";
import type { Key } from "../port.ts";
import { type ExchangeObserver, ReplicaExchange, type ReplicatedStore } from "./replica-exchange.ts";
import type { Message, ReplicaLinks, ReplicaQuestion } from "./replica-links.ts";

export interface ReplicatorObserver extends ExchangeObserver {
  /** A push or a comparison with another replica has ended. */
  readonly exchanged: (how: "push" | "repair", result: "done" | "failed") => void;
}

export interface ReplicatorDeps {
  readonly store: ReplicatedStore & { onApplied(listener: (applied: Applied) => void, signal: AbortSignal): void };
  readonly links: ReplicaLinks;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: ReplicatorObserver;
}

export interface ReplicatorOptions {
  /** What is replicated; the rest stays on its node. */
  readonly replicates: (key: Key) => boolean;
  /** A random other replica is compared with this often. */
  readonly repairEveryMs?: number;
  /** With more others than this, a change goes to a random few, who pass it on. */
  readonly pushToAllUpTo?: number;
  /** After a failure; doubled with each further one. */
  readonly retryMs?: number;
}

/** What is on its way to one other replica. */
interface Peer {
  readonly name: string;
  /** Changed keys, with the time since which they wait (monotonic). The state is taken when it is sent. */
  readonly queue: Map<string, { readonly key: Key; readonly sinceMs: number }>;
  /** Since when it must be compared with, because it may lack more than is queued. */
  behindSinceMs: number | undefined;
  failures: number;
  busy: boolean;
  /** Ends the wait after a failure. */
  wake: () => void;
}

const LONGEST_RETRY_MS = 30_000;

/**
 * Makes replicas equal: each change is pushed at once to the others, what that misses is found by comparing digests
 * with a random one every half minute, with each one that appears, and with one to which a push has failed.
 */
export class Replicator {
  readonly #deps: ReplicatorDeps;
  readonly #options: Required<ReplicatorOptions>;
  readonly #exchange: ReplicaExchange;
  readonly #peers = new Map<string, Peer>();
  readonly #work = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(deps: ReplicatorDeps, options: ReplicatorOptions) {
    const { replicates, repairEveryMs = 30_000, pushToAllUpTo = 16, retryMs = 1000 } = options;
    this.#deps = deps;
    this.#options = { replicates, repairEveryMs, pushToAllUpTo, retryMs };
    this.#exchange = new ReplicaExchange({ ...deps, replicates });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, links, clock, random } = this.#deps;
    this.#signal = signal;
    store.onApplied((applied) => this.#changed(applied), signal);
    for (const name of links.living()) this.appeared(name);
    while (!signal.aborted) {
      const wait = this.#options.repairEveryMs * (0.75 + random.next() / 2);
      await pause(clock, wait, signal);
      if (!signal.aborted) this.#repair();
    }
    await Promise.all(this.#work);
  }

  /** Another replica is there, perhaps again: it may lack anything, and have anything new. */
  appeared(name: string): void {
    const peer = this.#peer(name);
    peer.failures = 0;
    peer.behindSinceMs ??= this.#deps.clock.monotonic();
    peer.wake();
    this.#serve(peer);
  }

  /**
   * For who must know that another replica has what is here under `keys` now: that is so once it has answered. Small
   * things only, as it is one message.
   */
  pushQuestion(keys: readonly Key[]): ReplicaQuestion {
    return { kind: "store-push", states: this.#states(keys), over: [], all: true };
  }

  /** By the kind of the question; `from` is the node that asks. */
  get answers(): Readonly<Record<string, (question: Message, from: string) => Promise<Message>>> {
    return {
      "store-push": (question, from) => this.#exchange.answerPush(question, from),
      "store-compare": (question, from) => this.#exchange.answerCompare(question, from),
      "store-buckets": (question) => this.#exchange.answerBuckets(question),
    };
  }

  /** Changes that wait for living replicas, and for how long the oldest does; one to compare with counts as a change. */
  backlog(): { readonly waiting: number; readonly oldestMs: number } {
    const now = this.#deps.clock.monotonic();
    const living = new Set(this.#deps.links.living());
    let [waiting, oldest] = [0, now];
    for (const { name, queue, behindSinceMs } of this.#peers.values()) {
      if (!living.has(name)) continue;
      waiting += queue.size + (behindSinceMs === undefined ? 0 : 1);
      const first = queue.values().next().value;
      oldest = Math.min(oldest, first?.sinceMs ?? now, behindSinceMs ?? now);
    }
    return { waiting, oldestMs: now - oldest };
  }

  #changed({ state, local }: Applied): void {
    if (!this.#options.replicates(state.key) || (!local && this.#exchange.isRepair(state.key))) return;
    const sinceMs = this.#deps.clock.monotonic();
    for (const name of this.#targets(local)) {
      const peer = this.#peer(name);
      const id = keyId(state.key);
      if (!peer.queue.has(id)) peer.queue.set(id, { key: state.key, sinceMs });
      this.#serve(peer);
    }
  }

  /** All; in a large cluster a random few, and then whoever hears of a change passes it on. */
  #targets(local: boolean): readonly string[] {
    const { links, random } = this.#deps;
    const living = links.living();
    if (living.length <= this.#options.pushToAllUpTo) return local ? living : [];
    const left = [...living];
    const few = Math.ceil(Math.log(living.length)) + 2;
    return Array.from({ length: few }, () => left.splice(Math.floor(random.next() * left.length), 1)[0] as string);
  }

  #repair(): void {
    const { links, random } = this.#deps;
    const living = links.living();
    for (const name of living) {
      const peer = this.#peers.get(name);
      if (!peer) this.appeared(name);
      else if (peer.behindSinceMs !== undefined) this.#serve(peer);
    }
    // Those that seem lost may only be out of touch with the membership.
    for (const group of [living, links.lost()]) {
      const chosen = group[Math.floor(random.next() * group.length)];
      if (chosen !== undefined) this.appeared(chosen);
    }
    const known = new Set([...living, ...links.lost()]);
    for (const { name, busy } of this.#peers.values()) if (!known.has(name) && !busy) this.#peers.delete(name);
  }

  #peer(name: string): Peer {
    let peer = this.#peers.get(name);
    if (!peer) {
      peer = { name, queue: new Map(), behindSinceMs: undefined, failures: 0, busy: false, wake: () => {} };
      this.#peers.set(name, peer);
    }
    return peer;
  }

  #serve(peer: Peer): void {
    const signal = this.#signal;
    if (peer.busy || !signal || signal.aborted) return;
    peer.busy = true;
    const work = this.#exchangeWith(peer, signal).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** Never rejects. */
  async #exchangeWith(peer: Peer, signal: AbortSignal): Promise<void> {
    let goOn = true;
    while (goOn && !signal.aborted && (peer.behindSinceMs !== undefined || peer.queue.size > 0)) {
      goOn = await this.#exchangeOnce(peer, signal);
    }
    // In one step with the look at what is left: what comes from now on finds it idle.
    peer.busy = false;
  }

  /** Gives whether more can follow now. */
  async #exchangeOnce(peer: Peer, signal: AbortSignal): Promise<boolean> {
    const { clock, logger, links, observer } = this.#deps;
    const behindSince = peer.behindSinceMs;
    const how = behindSince === undefined ? "push" : "repair";
    const queued = [...peer.queue.values()];
    peer.behindSinceMs = undefined;
    peer.queue.clear();
    try {
      if (how === "push") await this.#exchange.push(peer.name, this.#states(queued.map(({ key }) => key)), signal);
      else await this.#exchange.compare(peer.name, signal);
      peer.failures = 0;
      observer.exchanged(how, "done");
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      peer.behindSinceMs = behindSince ?? queued[0]?.sinceMs ?? clock.monotonic();
      peer.failures += 1;
      observer.exchanged(how, "failed");
      const told = { node: peer.name, error: describeError(error) };
      // One that is not living comes back by itself, or is tried with a later repair.
      if (!links.living().includes(peer.name)) {
        logger.debug("cannot compare with a lost node", told);
        return false;
      }
      logger.warn("Cannot replicate to another node; trying again", told);
      await this.#pause(peer, signal);
      return true;
    }
  }

  async #pause(peer: Peer, signal: AbortSignal): Promise<void> {
    const waitMs = Math.min(LONGEST_RETRY_MS, this.#options.retryMs * 2 ** Math.min(10, peer.failures - 1));
    const woken = new AbortController();
    peer.wake = () => woken.abort();
    await pause(this.#deps.clock, waitMs, AbortSignal.any([signal, woken.signal]));
    peer.wake = () => {};
  }

  #states(keys: readonly Key[]): ObjectState[] {
    return keys.flatMap((key) => this.#deps.store.state(key) ?? []);
  }
}
