import type { PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import type { ApiTokens } from "../../security/tokens/api-tokens.ts";
import type { JoinTokens } from "../../security/tokens/join-tokens.ts";
import type { CaRotation } from "./ca-rotation.ts";
import type { GossipRotation } from "./gossip-rotation.ts";
import type { PeerQuestions } from "./peer-questions.ts";
import { Round, type RoundDeps } from "./round.ts";

/** A large database is encrypted anew in this time. */
const RESEAL_MS = 120_000;

export interface AfterCompromiseDeps extends RoundDeps {
  readonly questions: PeerQuestions;
  readonly ca: CaRotation;
  readonly gossip: GossipRotation;
  readonly joinTokens: JoinTokens;
  readonly apiTokens: ApiTokens;
  /** Seals this node's secrets with a new key; gives whether the older ones are gone. */
  readonly rotateDataKey: () => Promise<boolean>;
}

export interface AfterCompromiseOptions {
  /** Where the new first API token goes. */
  readonly tokenFile: string;
  /** Whether this node's first API token is of its flags: then only its owner can replace it for good. */
  readonly tokenChosen: boolean;
}

/**
 * Replaces everything that somebody has who has read a member's disk: the CA, the gossip key, the data keys, and all
 * tokens. What was made before is worth nothing afterwards. Who was away has to join again.
 */
export class AfterCompromise {
  readonly #deps: AfterCompromiseDeps;
  readonly #options: AfterCompromiseOptions;

  constructor(deps: AfterCompromiseDeps, options: AfterCompromiseOptions) {
    this.#deps = deps;
    this.#options = options;
    deps.questions.answers("revoke-join-tokens", () => this.#revokeJoinTokens());
    deps.questions.answers("revoke-all-tokens", () => this.#revokeAllTokens());
    deps.questions.answers("rotate-data-key", () => this.#rotateDataKey());
  }

  /** `except`: who is not to get anything of it. Gives sentences for the user; rejects where it has to be done again. */
  async replaceAll(except: readonly string[] = []): Promise<string[]> {
    const { ca, gossip } = this.#deps;
    // First, so that nobody joins who would be given the new keys.
    await this.#everywhere("revoke-join-tokens", except);
    const { away, behind } = await ca.replaceAtOnce(except);
    const { count } = await gossip.rotate(except);
    const sealed = await this.#everywhere("rotate-data-key", except, RESEAL_MS);
    // Last, so that also those end that were made by the old CA's certificates in the meantime.
    const revoked = await this.#everywhere("revoke-all-tokens", except);
    const kept = namesWhere(sealed, "olderGone", false);
    const chosen = namesWhere(revoked, "chosen", true);
    return [
      `The CA, the gossip key and the data keys are replaced on ${count === 1 ? "the one node" : `${count} nodes`}, and all join and API tokens are revoked.`,
      "Kubeconfigs, certificates and tokens that were made before are refused from now on.",
      "Each node's new kubeconfig and API token are the files kubeconfig and api-token in its data directory; psctl token create makes a join token.",
      ...(behind === undefined ? [] : [`Not done: the old CA is believed for ten more minutes by ${behind}.`]),
      ...(away.length === 0
        ? []
        : [
            `${away.join(", ")} ${away.length === 1 ? "was" : "were"} away: to come back, join again with a new token.`,
          ]),
      ...(kept.length === 0
        ? []
        : [`The older data key stays on ${kept.join(", ")} for a backup that could not be read: see the agent's log.`]),
      ...(chosen.length === 0
        ? []
        : [
            `The API token of ${chosen.join(", ")} is of its configuration: change it there, or it is good again after a restart.`,
          ]),
      "Whoever had the old keys could read every Secret: replace what is in them, too.",
    ];
  }

  /** On this node and all living others. Gives their answers by name. */
  async #everywhere(
    kind: "revoke-join-tokens" | "revoke-all-tokens" | "rotate-data-key",
    except: readonly string[],
    attemptMs?: number,
  ): Promise<ReadonlyMap<string, PeerMessage>> {
    const round = new Round(this.#deps, { except, ...(attemptMs === undefined ? {} : { attemptMs }) });
    const own = {
      "revoke-join-tokens": () => this.#revokeJoinTokens(),
      "revoke-all-tokens": () => this.#revokeAllTokens(),
      "rotate-data-key": () => this.#rotateDataKey(),
    }[kind];
    const [answer] = await Promise.all([own(), round.ask({ kind })]);
    return new Map([[this.#deps.nodeName, answer], ...round.reached]);
  }

  async #revokeJoinTokens(): Promise<PeerMessage> {
    const { joinTokens } = this.#deps;
    const usable = joinTokens.list().filter(({ state }) => state === "usable");
    for (const { id } of usable) await joinTokens.revoke(id);
    return {};
  }

  async #revokeAllTokens(): Promise<PeerMessage> {
    await this.#revokeJoinTokens();
    await this.#deps.apiTokens.replaceAll(this.#options.tokenFile);
    return { chosen: this.#options.tokenChosen };
  }

  async #rotateDataKey(): Promise<PeerMessage> {
    return { olderGone: await this.#deps.rotateDataKey() };
  }
}

function namesWhere(answers: ReadonlyMap<string, PeerMessage>, field: string, value: unknown): string[] {
  return [...answers].flatMap(([name, answer]) => (answer[field] === value ? [name] : [])).toSorted();
}
