import type { TLSSocket } from "node:tls";
import { describeError } from "../../lib/log.ts";
import { dialPeer, type DialPeerDeps, type PeerAddress } from "./dial-peer.ts";
import { FrameStream } from "./frame-stream.ts";
import { readAnswer } from "./peer-greeting.ts";

/** One question and one answer, as JSON, over a connection between members; the largest object fits. */
const LONGEST = 4 * 2 ** 20;

export type PeerMessage = Readonly<Record<string, unknown>>;

/** Asks another member. Rejects where it cannot be reached, refuses, or says that it failed. */
export async function askPeer(
  deps: DialPeerDeps,
  { question, ...address }: PeerAddress & { readonly question: PeerMessage },
  signal: AbortSignal,
): Promise<PeerMessage> {
  const { socket } = await dialPeer(deps, address, signal);
  socket.on("error", () => {}); // told by what reads it
  try {
    const frames = new FrameStream(socket);
    frames.writeJson(question);
    return await readAnswer(frames, { limit: LONGEST, signal });
  } finally {
    socket.destroy();
  }
}

/** Answers one question and closes the connection. Never rejects: the other side hears of a failure. */
export async function answerPeer(
  socket: TLSSocket,
  answer: (question: PeerMessage) => Promise<PeerMessage>,
  signal: AbortSignal,
): Promise<void> {
  const frames = new FrameStream(socket);
  try {
    frames.writeJson({ ok: true, ...(await answer(await frames.readJson(LONGEST, signal))) });
  } catch (error) {
    if (!socket.destroyed) frames.writeJson({ ok: false, reason: "BadRequest", message: describeError(error) });
  }
  socket.end();
  socket.resume();
}
