import type { Clock } from "../../lib/clock.ts";
import { type Random, secretBytes } from "../../lib/random.ts";
import { Serial } from "../../lib/serial.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import type { PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import type { GossipKeys } from "../../security/gossip-keys.ts";
import type { HostPort } from "../config/agent-config.ts";
import type { CurrentGossipKey } from "../replication/current-gossip-key.ts";
import { UNDER_REPLACEMENT } from "./ca-rotation.ts";
import type { Removals } from "../replication/removals.ts";
import type { PeerQuestions } from "./peer-questions.ts";
import { RotationTurn } from "./rotation-turn.ts";
import { Round, type RoundDeps } from "./round.ts";

/** `remove` takes a key back that nobody uses yet, `only` removes all others. */
const STEPS = ["add", "use", "only", "remove"] as const;
type Step = (typeof STEPS)[number];

/** So long a rotation waits for another member's. */
const PATIENCE_MS = 45_000;
const AGAIN_MS = 250;
const LONGEST_WAIT_MS = 4_000;
/** A key that is left over for so long is nobody's: no rotation takes a minute between two of its steps. */
const LEFT_OVER_MS = 60_000;

export interface GossipRotationDeps extends Pick<RoundDeps, "others"> {
  readonly gossip: GossipKeys;
  readonly client: MembershipClient;
  readonly nodeName: string;
  readonly authority: ClusterAuthority;
  readonly current: CurrentGossipKey;
  readonly removals: Removals;
  readonly questions: PeerQuestions;
  readonly clock: Clock;
  readonly random: Random;
}

export interface GossipRotated {
  /** Who has the new key, this node too. */
  readonly count: number;
  readonly away: readonly string[];
}

/**
 * Replaces the key of the gossip while the cluster runs, in three steps, each taken by all living members before the
 * next: all decrypt with the new key, all encrypt with it, none decrypts with any other. A member that was away asks
 * for the keys when it is back: its certificate is enough for that. Which key is the newer one, all members have in
 * their stores. One member does this at a time: the others wait.
 */
export class GossipRotation {
  readonly #deps: GossipRotationDeps;
  readonly #turn: RotationTurn;
  /** Of the keys: what several members say at once is taken one after the other. */
  readonly #changes = new Serial();
  #running = false;

  constructor(deps: GossipRotationDeps) {
    this.#deps = deps;
    this.#turn = new RotationTurn(deps);
    deps.questions.answers("gossip-keys", async () => this.#tell());
    deps.questions.answers("gossip-key", (question, { nodeName }) => this.#takeAsked(question, nodeName));
  }

  /**
   * Gives who has the new key, and who was away; those of `except` get none. Rejects, with the old key good everywhere,
   * when a living member did not take a step.
   */
  async rotate(except: readonly string[] = []): Promise<GossipRotated> {
    const { clock, random, nodeName } = this.#deps;
    const giveUp = clock.monotonic() + PATIENCE_MS;
    for (let wait = AGAIN_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const holder = this.#running ? nodeName : this.#turn.take(nodeName);
      const done = holder ?? (await this.#replace(except));
      if (typeof done !== "string") return done;
      if (clock.monotonic() > giveUp) throw new Error(`${done} is replacing it; try again when that has ended`);
      // Two that have begun at the same time do not begin again at the same time.
      await clock.sleep(wait * (0.5 + random.next()));
    }
  }

  /** Gives the name of another member where that one is replacing the key: then nothing is changed. */
  async #replace(except: readonly string[]): Promise<GossipRotated | string> {
    const { current, clock, nodeName } = this.#deps;
    this.#running = true;
    try {
      const made = secretBytes(32);
      const round = new Round(this.#deps, { except });
      // Nobody uses it yet. Where it cannot be removed now it stays for a while, and does no harm.
      const takeBack = (): Promise<unknown> => Promise.allSettled([this.#everywhere(round, "remove", made)]);
      try {
        await this.#everywhere(round, "add", made);
      } catch (error) {
        await takeBack();
        throw error;
      }
      const other = [...round.reached.values()].map(({ holder }) => holder).find((one) => typeof one === "string");
      if (other !== undefined) {
        await takeBack();
        return other;
      }
      await this.#everywhere(round, "use", made);
      await current.set(made, clock.now());
      await this.#everywhere(round, "only", made);
      return { count: round.reached.size + 1, away: round.away };
    } finally {
      this.#running = false;
      this.#turn.end(nodeName);
    }
  }

  /** Removes keys that a rotation has left here which broke off, or whose end this node has not heard of. */
  async tidy(): Promise<void> {
    const { current, gossip } = this.#deps;
    const [first, ...others] = gossip.keys;
    if (!first || others.length === 0 || this.#running || this.#turn.idleMs < LEFT_OVER_MS) return;
    if (current.get() !== undefined && current.is(first)) await this.#changes.run(() => this.#keepOnly(first));
  }

  /** Whether this node gossips with the cluster's key, as far as it knows. */
  get isCurrent(): boolean {
    return this.#deps.current.is(this.#deps.gossip.keys[0]);
  }

  /** Takes over the keys of a member, after a time away, unless they are older. Gives whether they are others than before. */
  async fetch(address: HostPort, options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const answer = await this.#deps.questions.ask(address, { kind: "gossip-keys" }, options);
    return await this.#changes.run(() => this.#takeOver(answer));
  }

  /** Answers of several members come at once, a removed one's among them: each is looked at when the one before is taken. */
  async #takeOver(answer: PeerMessage): Promise<boolean> {
    const { gossip, client, current, removals } = this.#deps;
    const { keys } = answer;
    if (!Array.isArray(keys) || keys.length === 0) throw new Error("Cannot take over the gossip keys: there are none");
    const theirs = keys.map((key) => Buffer.from(String(key), "base64"));
    const [first] = theirs;
    await removals.take(answer);
    // Never written down anew here: who repeats what is older would have the last word.
    await current.take(answer);
    if (!first || gossip.keys[0]?.equals(first) || !this.#isNewer(first)) return false;
    const gone = gossip.keys.filter((key) => !theirs.some((one) => one.equals(key)));
    this.#turn.seen();
    await gossip.replace(theirs);
    for (const key of theirs) await client.installKey(key);
    await client.useKey(first);
    for (const key of gone) await client.removeKey(key);
    return true;
  }

  /** Two that were parted ask each other for their keys: only one of them may take the other's. */
  #isNewer(theirs: Buffer): boolean {
    const { current, gossip } = this.#deps;
    return current.is(theirs) || !current.is(gossip.keys[0]);
  }

  #tell(): PeerMessage {
    const { gossip, authority, current, removals } = this.#deps;
    if (authority.material.compromised) throw new Error(UNDER_REPLACEMENT);
    return removals.with(current.with({ keys: gossip.keys.map((one) => one.toString("base64")) }));
  }

  async #takeAsked(question: PeerMessage, from: string): Promise<PeerMessage> {
    const { current, removals, nodeName } = this.#deps;
    const { step, key } = question;
    const known = STEPS.find((one) => one === step);
    if (!known || typeof key !== "string") throw new Error("Cannot take a step with the gossip key: which?");
    await removals.take(question);
    await current.take(question);
    const holder = this.#running ? nodeName : this.#turn.take(from);
    if (holder !== undefined && known === "add") return { holder };
    await this.#changes.run(() => this.#take(known, Buffer.from(key, "base64")));
    if (known === "only" || known === "remove") this.#turn.end(from);
    return {};
  }

  async #everywhere(round: Round, step: Step, key: Buffer): Promise<void> {
    const { current, removals, nodeName } = this.#deps;
    this.#turn.take(nodeName);
    await this.#changes.run(() => this.#take(step, key));
    const question = { kind: "gossip-key", step, key: key.toString("base64") };
    await round.ask(removals.with(step === "only" ? current.with(question) : question));
  }

  async #take(step: Step, key: Buffer): Promise<void> {
    const { gossip, client } = this.#deps;
    switch (step) {
      case "add":
        await gossip.add(key);
        return await client.installKey(key);
      case "use":
        // Also where it was not there for the step before.
        await gossip.add(key);
        await client.installKey(key);
        await gossip.use(key);
        return await client.useKey(key);
      case "only":
        await this.#take("use", key);
        return await this.#keepOnly(key);
      case "remove":
        await gossip.remove(key);
        return await client.removeKey(key);
    }
  }

  async #keepOnly(key: Buffer): Promise<void> {
    const { gossip, client } = this.#deps;
    const others = gossip.keys.filter((one) => !one.equals(key));
    await gossip.replace([key]);
    for (const one of others) await client.removeKey(one);
  }
}
