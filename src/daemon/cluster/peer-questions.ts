import type { TLSSocket } from "node:tls";
import { deadline } from "../../lib/deadline.ts";
import type { DialPeerDeps, PeerAddress } from "../../security/cluster-port/dial-peer.ts";
import { answerPeer, askPeer, type PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import type { NodeCertificate } from "../../security/certificates/node-certificate.ts";

const ANSWER_MS = 10_000;

/** Answers a member's question, by JSON. What it throws is told to the member that asked. */
export type Answer = (question: PeerMessage, from: NodeCertificate) => Promise<PeerMessage>;

export interface Question extends PeerMessage {
  readonly kind: string;
}

/** Asks the member at an address, over TLS with both certificates. */
export type Ask = (
  address: PeerAddress,
  question: Question,
  options?: { readonly timeoutMs?: number },
) => Promise<PeerMessage>;

/**
 * What members ask of each other. Whoever needs something of the others names a kind of question of its own: it answers
 * that by `answers`, and asks it by `ask`. Nobody else needs to know the kind.
 */
export class PeerQuestions {
  readonly #link: DialPeerDeps;
  readonly #signal: AbortSignal;
  readonly #answers = new Map<string, Answer>();

  /** At the signal, what is asked and answered is given up. */
  constructor(link: DialPeerDeps, { signal }: { readonly signal: AbortSignal }) {
    this.#link = link;
    this.#signal = signal;
  }

  /** From now on, questions of this kind are answered by `answer`. */
  answers(kind: string, answer: Answer): void {
    if (this.#answers.has(kind)) throw new Error(`Cannot answer ${kind}: somebody does already`);
    this.#answers.set(kind, answer);
  }

  /** Rejects where the member cannot be reached in time, refuses, or says that it failed. */
  readonly ask: Ask = async ({ host, port, nodeName }, question, { timeoutMs = ANSWER_MS } = {}) => {
    using limit = deadline(timeoutMs, this.#signal, this.#link.clock);
    const expected = nodeName === undefined ? {} : { nodeName };
    return await askPeer(this.#link, { host, port, ...expected, question }, limit.signal);
  };

  /** Answers what a member asks on a connection that it has made, and closes that. Never rejects. */
  async serve({ socket, peer }: { readonly socket: TLSSocket; readonly peer: NodeCertificate }): Promise<void> {
    using limit = deadline(ANSWER_MS, this.#signal, this.#link.clock);
    await answerPeer(socket, (question) => this.#answer(question, peer), limit.signal);
  }

  async #answer(question: PeerMessage, from: NodeCertificate): Promise<PeerMessage> {
    const answer = this.#answers.get(String(question["kind"]));
    // Since its connection was let in.
    if (this.#link.denied.isDenied(from)) throw new Error(`the node ${from.nodeName} was removed from the cluster`);
    if (!answer) throw new Error(`Cannot answer ${JSON.stringify(question["kind"])}: this version does not know it`);
    return await answer(question, from);
  }
}
