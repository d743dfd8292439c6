import type { MemberView } from "../../membership/protocol/effects.ts";
import type { JoinTokens, JoinTokensDeps, TokenRefusal, TokenVerdict } from "../../security/tokens/join-tokens.ts";
import type { PeerQuestions } from "./peer-questions.ts";

const KIND = "redeem-join-token";
/** Whoever joins waits for it, and has ten seconds for all. */
const ASK_MS = 4_000;

export interface RedeemElsewhereDeps {
  readonly questions: PeerQuestions;
  readonly members: () => readonly MemberView[];
}

/** Asks the member that counts a token's uses, for somebody who came to this one. */
export function redeemElsewhere({ questions, members }: RedeemElsewhereDeps): NonNullable<JoinTokensDeps["redeemAt"]> {
  return async (issuer, { id, message, signature }, user) => {
    const member = members().find(({ name, state }) => name === issuer && (state === "alive" || state === "suspect"));
    if (!member) throw new Error("it is no living member");
    const { host, port } = member;
    const proof = { message: encode(message), signature: encode(signature) };
    const question = { kind: KIND, token: id, ...proof, user };
    const answer = await questions.ask({ host, port, nodeName: issuer }, question, { timeoutMs: ASK_MS });
    return verdictOf(answer, id);
  };
}

/** Does the same for others. */
export function answerRedemptions(questions: PeerQuestions, tokens: JoinTokens): void {
  questions.answers(KIND, async ({ token, message, signature, user }) => {
    const texts = [token, message, signature, user];
    if (!texts.every((one) => typeof one === "string")) throw new Error("Cannot redeem a token: which, and for whom?");
    const [id, signed, proof, digest] = texts as [string, string, string, string];
    const verdict = await tokens.redeemForMember({ id, message: decode(signed), signature: decode(proof) }, digest);
    return { ...verdict };
  });
}

function verdictOf({ token, refusal, message }: Readonly<Record<string, unknown>>, id: string): TokenVerdict {
  if (token === id) return { token: id };
  if (typeof refusal !== "string") throw new Error("it gives no verdict");
  return { refusal: refusal as TokenRefusal, message: String(message) };
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function decode(text: string): Buffer {
  return Buffer.from(text, "base64");
}
