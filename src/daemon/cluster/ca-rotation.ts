import type { EventRecorder } from "../../api/objects.ts";
import { timestamp, type Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { Random } from "../../lib/random.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import {
  caState,
  type CaMaterial,
  type CaState,
  distrustOldCas,
  fingerprint,
  isNewer,
  readMaterial,
} from "../../security/certificates/ca-material.ts";
import type { CaChange, ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import type { PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import type { HostPort } from "../config/agent-config.ts";
import type { Removals } from "../replication/removals.ts";
import type { PeerQuestions } from "./peer-questions.ts";
import { Round, type RoundDeps, RoundFailed } from "./round.ts";

/** What a member answers that is asked for secrets in the meantime: the asker may be a thief. */
export const UNDER_REPLACEMENT = "the CA is being replaced because it may be in wrong hands: no secrets are given now";
/** Where replacing a compromised CA breaks off and nobody does it again, the old one ends after this time. */
const BREAK_OFF_MS = 600_000;
/** Mostly a member hears of a new CA at once, or when it is back; this is for what went wrong. */
const LOOK_EVERY_MS = 300_000;

export interface CaRotationDeps extends Pick<RoundDeps, "others"> {
  readonly authority: ClusterAuthority;
  readonly client: Pick<MembershipClient, "members" | "subscribe">;
  readonly questions: Pick<PeerQuestions, "ask" | "answers">;
  readonly removals: Removals;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly nodeName: string;
}

export interface Rotated {
  /** Who lives and did not take the last step; it takes it by itself once it can. */
  readonly behind: string | undefined;
  readonly away: readonly string[];
}

/**
 * Replaces the cluster's CA while the cluster runs, in two steps, each taken by all living members before the next: all
 * believe the new CA, all sign with it. A member that was away asks for the CA when it is back: its certificate of the
 * old one is enough for that as long as the old one is believed.
 */
export class CaRotation {
  readonly #deps: CaRotationDeps;
  #running = false;

  constructor(deps: CaRotationDeps) {
    this.#deps = deps;
    deps.questions.answers("authority", async (question) => this.#tell(question));
    deps.questions.answers("take-authority", (question) => this.#takeAsked(question));
  }

  /**
   * Goes on with a CA that is being brought in already: an attempt that broke off. Rejects, with nothing signed by the
   * new CA, when a living member could not be told of it.
   */
  async rotate({ overlapMs }: { readonly overlapMs: number }): Promise<Rotated> {
    return await this.#alone(async () => {
      const { authority } = this.#deps;
      if (authority.material.compromised) {
        throw new Error("it was begun with --compromised and broke off: run that again");
      }
      const round = new Round(this.#deps);
      if (!authority.material.staged) await authority.stage();
      await this.#push(round, "has not taken the new CA, with which nothing is signed yet; run the command again");
      await authority.activate({ overlapMs });
      const behind = await this.#push(round).then(() => undefined, failuresOf);
      return { behind, away: round.away };
    });
  }

  /** Replaces the CA without an overlap: who is away or among `except` is not believed afterwards. */
  async replaceAtOnce(except: readonly string[]): Promise<Rotated> {
    return await this.#alone(async () => {
      const { authority } = this.#deps;
      const round = new Round(this.#deps, { except, waitForSuspects: true });
      await authority.stage({ compromised: true });
      await this.#push(round, "has not taken the new CA, with which nothing is signed yet; run the command again");
      await authority.activate({ overlapMs: BREAK_OFF_MS });
      await this.#push(
        round,
        "does not sign with the new CA yet, and the old one is still believed; run the command again",
      );
      const last = distrustOldCas(authority.material);
      const behind = await this.#push(round, undefined, last).then(() => undefined, failuresOf);
      await authority.adopt(last);
      return { behind, away: round.away };
    });
  }

  /** Takes over the CA of a member that has a newer one, after a time away. */
  async fetch(address: HostPort, options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    const { authority, questions, removals } = this.#deps;
    const answer = await questions.ask(address, { kind: "authority", ...caState(authority.material) }, options);
    const { material } = answer;
    if (material === undefined) return false;
    const theirs = readMaterial(material);
    if (theirs.clusterId !== authority.clusterId) throw new Error("Cannot take over the CA: it is another cluster's");
    await removals.take(answer);
    let newer = false;
    await authority.change((mine) => {
      newer = isNewer(caState(theirs), caState(mine));
      return newer ? theirs : mine;
    });
    return newer;
  }

  /** Asks members that appear, and from time to time any; tells of each change of the CA. */
  async run(signal: AbortSignal): Promise<void> {
    const { authority, client, clock, random, nodeName } = this.#deps;
    let known = caState(authority.material).identity;
    authority.onChange((change) => {
      this.#record(change, known);
      known = caState(authority.material).identity;
    }, signal);
    const work = new Set<Promise<void>>();
    const look = (member: HostPort): void => {
      const looking = this.#look(member, signal).finally(() => work.delete(looking));
      work.add(looking);
    };
    client.subscribe((report) => {
      if (report.kind === "joined" || report.kind === "recovered") look(report.member);
    }, signal);
    while (!signal.aborted) {
      await pause(clock, LOOK_EVERY_MS, signal);
      const others = client.members().filter(({ name, state }) => name !== nodeName && state === "alive");
      const one = others[Math.floor(random.next() * others.length)];
      if (one && !signal.aborted) look(one);
    }
    await Promise.all(work);
  }

  async #look({ host, port }: HostPort, signal: AbortSignal): Promise<void> {
    try {
      await this.fetch({ host, port });
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.logger.debug("Cannot compare the CA with a member's", { host, error: describeError(error) });
    }
  }

  async #alone<T>(replace: () => Promise<T>): Promise<T> {
    if (this.#running) throw new Error("it is being replaced");
    this.#running = true;
    try {
      return await replace();
    } finally {
      this.#running = false;
    }
  }

  /** `otherwise`: what it means where a member fails. */
  async #push(round: Round, otherwise?: string, material: CaMaterial = this.#deps.authority.material): Promise<void> {
    try {
      await round.ask(this.#deps.removals.with({ kind: "take-authority", material }));
    } catch (error) {
      if (!(error instanceof RoundFailed) || otherwise === undefined) throw error;
      throw new Error(`${error.members.join(", ")} ${otherwise} (${error.message})`, { cause: error });
    }
  }

  #tell({ generation, identity }: PeerMessage): PeerMessage {
    const { authority, removals } = this.#deps;
    const { material } = authority;
    if (typeof generation !== "number" || typeof identity !== "string")
      throw new Error("Cannot compare the CA: with which?");
    const theirs: CaState = { generation, identity };
    if (!isNewer(caState(material), theirs)) return {};
    if (material.compromised) throw new Error(UNDER_REPLACEMENT);
    return removals.with({ material });
  }

  async #takeAsked(question: PeerMessage): Promise<PeerMessage> {
    const { authority, removals } = this.#deps;
    const theirs = readMaterial(question["material"]);
    if (theirs.clusterId !== authority.clusterId) throw new Error("Cannot take the CA: it is another cluster's");
    await removals.take(question);
    await authority.change((mine) => {
      if (isNewer(caState(theirs), caState(mine))) return theirs;
      // Once more, after an attempt that broke off: whoever did not draw the consequences does now.
      if (caState(theirs).identity === caState(mine).identity) return mine;
      throw new Error("Cannot take the CA: this member has a newer one; somebody else is replacing it");
    });
    return {};
  }

  #record({ distrusted }: CaChange, before: string): void {
    const { authority, recorder, logger, nodeName } = this.#deps;
    const { signing, staged, older } = authority.material;
    const regarding = { kind: "Node", apiVersion: "v1", name: nodeName };
    const told = (reason: string, message: string): void => {
      logger.info(message);
      recorder.record({ regarding, type: "Normal", reason, message });
    };
    const named = (certificate: string): string => fingerprint(certificate).slice(0, 16);
    for (const old of distrusted) told("CaForgotten", `The cluster's CA ${named(old)} is believed no longer.`);
    if (caState(authority.material).identity === before) return;
    if (staged) return told("CaStaged", `The new CA ${named(staged.certificate)} is believed, and signs nothing yet.`);
    const until = older[0] ? `; the one before is believed until ${timestamp(older[0].until)}` : "";
    told("CaReplaced", `The CA ${named(signing.certificate)} signs from now on${until}.`);
  }
}

function failuresOf(error: unknown): string {
  if (error instanceof RoundFailed) return error.message;
  throw error;
}
