import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import type { MembershipClient } from "../../membership/membership-client.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import type { PeerQuestions, Question } from "./peer-questions.ts";

/** For one attempt: a suspect's wait is not everybody's. */
const ATTEMPT_MS = 5_000;
/** By then a member that has gone is a suspect, whom nobody waits for. */
const PATIENCE_MS = 20_000;
const AGAIN_MS = 500;

export interface RoundDeps {
  readonly client: Pick<MembershipClient, "members">;
  readonly questions: Pick<PeerQuestions, "ask">;
  /** All others that are of the cluster, living or not: who is lost is forgotten by the gossip after half a minute. */
  readonly others: () => readonly { readonly name: string }[];
  readonly clock: Clock;
  readonly nodeName: string;
}

export interface RoundOptions {
  /** Not to be asked, by name. */
  readonly except?: readonly string[];
  /** For one attempt. */
  readonly attemptMs?: number;
  /** A suspect is waited for until it is dead or answers: who is away in such a round has a lot to lose. */
  readonly waitForSuspects?: boolean;
}

/** A member lives, and did not do what it was asked for. */
export class RoundFailed extends Error {
  readonly members: readonly string[];

  constructor(failures: ReadonlyMap<string, unknown>) {
    super([...failures].map(([name, error]) => `${name}: ${describeError(error)}`).join("; "));
    this.name = "RoundFailed";
    this.members = [...failures.keys()];
  }
}

/**
 * Steps that all living members take together. Who is dead is away, and so is a suspect that cannot be reached in a short
 * time: it is asked for nothing more in this round, and has to catch up by itself once it is back.
 */
export class Round {
  readonly #deps: RoundDeps;
  readonly #except: readonly string[];
  readonly #attemptMs: number;
  /** In these states a member that fails is asked again. */
  readonly #awaited: readonly MemberView["state"][];
  readonly #away: Set<string>;
  /** Somebody has removed them in the meantime: they are no members any more. */
  readonly #removed = new Set<string>();
  readonly #reached = new Map<string, PeerAnswer>();

  constructor(deps: RoundDeps, { except = [], attemptMs = ATTEMPT_MS, waitForSuspects = false }: RoundOptions = {}) {
    this.#deps = deps;
    this.#except = [deps.nodeName, ...except];
    this.#attemptMs = attemptMs;
    this.#awaited = waitForSuspects ? ["alive", "suspect"] : ["alive"];
    const there = new Set(this.#members(["alive", "suspect", "left"]).map(({ name }) => name));
    const lost = deps.others().filter(({ name }) => !there.has(name) && !this.#except.includes(name));
    this.#away = new Set([...this.#members(["dead"]), ...lost].map(({ name }) => name));
  }

  /** By name. */
  get away(): readonly string[] {
    return [...this.#away].toSorted();
  }

  /** Who has taken the last step, with its answer; this node not among them. */
  get reached(): ReadonlyMap<string, PeerAnswer> {
    return this.#reached;
  }

  /** Resolves once all have taken the step that are neither away nor removed since; rejects with RoundFailed where one lives and did not. */
  async ask(question: Question): Promise<void> {
    const failures = new Map<string, unknown>();
    this.#reached.clear();
    const asked = this.#members(["alive", "suspect"]).filter(
      ({ name }) => !this.#away.has(name) && !this.#removed.has(name),
    );
    await Promise.all(
      asked.map(async (member) => {
        try {
          const answer = await this.#askOne(member, question);
          if (answer) this.#reached.set(member.name, answer);
          else this.#away.add(member.name);
        } catch (error) {
          if (isRemoved(error)) this.#removed.add(member.name);
          else failures.set(member.name, error);
        }
      }),
    );
    if (failures.size > 0) throw new RoundFailed(failures);
  }

  /** Undefined for one that is away. A refusal is an answer: asking again would give the same. */
  async #askOne({ name, host, port }: MemberView, question: Question): Promise<PeerAnswer | undefined> {
    const { questions, clock } = this.#deps;
    const giveUp = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      try {
        return await questions.ask({ host, port, nodeName: name }, question, { timeoutMs: this.#attemptMs });
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        if (!this.#members(this.#awaited).some((member) => member.name === name)) return undefined;
        if (clock.monotonic() > giveUp) throw error;
        await clock.sleep(AGAIN_MS);
      }
    }
  }

  #members(states: readonly MemberView["state"][]): MemberView[] {
    return this.#deps.client
      .members()
      .filter(({ name, state }) => states.includes(state) && !this.#except.includes(name));
  }
}

/** By this node's own list. Where the other side has removed this node the step has failed. */
function isRemoved(error: unknown): boolean {
  return error instanceof RefusedError && error.reason === "NodeDenied" && !error.byOther;
}

type PeerAnswer = Readonly<Record<string, unknown>>;

/** For the end of a sentence to the user. */
export function tellAway(away: readonly string[]): string {
  if (away.length === 0) return "";
  return ` ${away.join(", ")} ${away.length === 1 ? "was away and gets it when it is" : "were away and get it when they are"} back.`;
}
