import type { Clock } from "../../lib/clock.ts";
import { secretBytes } from "../../lib/random.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import type { PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import type { GossipKeys } from "../../security/gossip-keys.ts";
import type { HostPort } from "../config/agent-config.ts";
import type { CurrentGossipKey } from "../replication/current-gossip-key.ts";
import { UNDER_REPLACEMENT } from "./ca-rotation.ts";
import type { Removals } from "../replication/removals.ts";
import type { PeerQuestions } from "./peer-questions.ts";
import { Round } from "./round.ts";

const STEPS = ["add", "use", "remove"] as const;
type Step = (typeof STEPS)[number];

export interface GossipRotationDeps {
  readonly gossip: GossipKeys;
  readonly client: MembershipClient;
  readonly nodeName: string;
  readonly authority: ClusterAuthority;
  readonly current: CurrentGossipKey;
  readonly removals: Removals;
  readonly questions: PeerQuestions;
  readonly clock: Clock;
}

/**
 * Replaces the key of the gossip while the cluster runs, in three steps, each taken by all living members before the
 * next: all decrypt with the new key, all encrypt with it, none decrypts with the old one. A member that was away asks
 * for the keys when it is back: its certificate is enough for that. Which key is the newer one, all members have in
 * their stores.
 */
export class GossipRotation {
  readonly #deps: GossipRotationDeps;
  #running = false;

  constructor(deps: GossipRotationDeps) {
    this.#deps = deps;
    deps.questions.answers("gossip-keys", async () => this.#tell());
    deps.questions.answers("gossip-key", (question) => this.#takeAsked(question));
  }

  /**
   * Gives who has the new key, and who was away; those of `except` get none. Rejects, with the old key good everywhere,
   * when a living member did not take a step.
   */
  async rotate(except: readonly string[] = []): Promise<{ readonly count: number; readonly away: readonly string[] }> {
    if (this.#running) throw new Error("Cannot replace the gossip key: it is being replaced");
    this.#running = true;
    try {
      const { gossip, current, clock } = this.#deps;
      const [old] = gossip.keys;
      const made = secretBytes(32);
      const round = new Round(this.#deps, { except });
      try {
        await this.#everywhere(round, "add", made);
      } catch (error) {
        // Nobody uses it yet. Where it cannot be removed now it stays, and does no harm.
        await Promise.allSettled([this.#everywhere(round, "remove", made)]);
        throw error;
      }
      await this.#everywhere(round, "use", made);
      await current.set(made, clock.now());
      if (old) await this.#everywhere(round, "remove", old);
      return { count: round.reached.size + 1, away: round.away };
    } finally {
      this.#running = false;
    }
  }

  /** Whether this node gossips with the cluster's key, as far as it knows. */
  get isCurrent(): boolean {
    return this.#deps.current.is(this.#deps.gossip.keys[0]);
  }

  /** Takes over the keys of a member, after a time away, unless they are older. Gives whether they are others than before. */
  async fetch(address: HostPort, options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const { gossip, client, questions, current, removals } = this.#deps;
    const answer = await questions.ask(address, { kind: "gossip-keys" }, options);
    const { keys, since } = answer;
    if (!Array.isArray(keys) || keys.length === 0) throw new Error("Cannot take over the gossip keys: there are none");
    const theirs = keys.map((key) => Buffer.from(String(key), "base64"));
    const [first] = theirs;
    if (!first || gossip.keys[0]?.equals(first) || !this.#isNewer(first, since)) return false;
    const gone = gossip.keys.filter((key) => !theirs.some((one) => one.equals(key)));
    await removals.take(answer);
    await gossip.replace(theirs);
    for (const key of theirs) await client.installKey(key);
    await client.useKey(first);
    for (const key of gone) await client.removeKey(key);
    if (typeof since === "number" && !current.is(first)) await current.set(first, since);
    return true;
  }

  /** Two that were parted ask each other for their keys: only one of them may take the other's. */
  #isNewer(theirs: Buffer, since: unknown): boolean {
    const { current, gossip } = this.#deps;
    const known = current.get();
    if (!known || current.is(theirs)) return true;
    if (typeof since === "number") return since > known.since;
    return !current.is(gossip.keys[0]);
  }

  #tell(): PeerMessage {
    const { gossip, authority, current, removals } = this.#deps;
    if (authority.material.compromised) throw new Error(UNDER_REPLACEMENT);
    const since = this.isCurrent ? current.get()?.since : undefined;
    const keys = gossip.keys.map((one) => one.toString("base64"));
    return removals.with({ keys, ...(since === undefined ? {} : { since }) });
  }

  async #takeAsked(question: PeerMessage): Promise<PeerMessage> {
    const { step, key } = question;
    const known = STEPS.find((one) => one === step);
    if (!known || typeof key !== "string") throw new Error("Cannot take a step with the gossip key: which?");
    await this.#deps.removals.take(question);
    await this.#take(known, Buffer.from(key, "base64"));
    return {};
  }

  async #everywhere(round: Round, step: Step, key: Buffer): Promise<void> {
    await this.#take(step, key);
    await round.ask(this.#deps.removals.with({ kind: "gossip-key", step, key: key.toString("base64") }));
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
      case "remove":
        await gossip.remove(key);
        return await client.removeKey(key);
    }
  }
}
