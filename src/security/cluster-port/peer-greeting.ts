import type { Clock } from "../../lib/clock.ts";
import { FrameError, type FrameStream } from "./frame-stream.ts";
import { RefusedError, type RefusalReason, refuseSkew } from "./refusal.ts";

/**
 * Between members, version 1, inside TLS 1.3 with both certificates: who dials says its time, and hears the other's
 * time or why it is refused; then the connection is free for what they do together.
 *
 *     -> frame { "time": ms }      <- frame { "ok": true, "time": ms } or { "ok": false, "reason", "message" }
 */
export const PEER_PROTOCOL = "podman-swarm-peer/1";
const LONGEST = 4096;

interface GreetingOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The side that was dialled. `judge` throws for whoever is no longer welcome once the greeting has come. */
export async function greet(
  frames: FrameStream,
  { clock, signal, judge }: GreetingOptions & { readonly judge: () => void },
): Promise<void> {
  const { time } = await frames.readJson(LONGEST, signal);
  judge();
  if (typeof time !== "number") throw new FrameError("it tells no time");
  refuseSkew(time, clock.now());
  frames.writeJson({ ok: true, time: clock.now() });
}

/** The side that dials. Throws a RefusedError with the other's reason. */
export async function introduce(frames: FrameStream, { clock, signal }: GreetingOptions): Promise<void> {
  frames.writeJson({ time: clock.now() });
  const { time } = await readAnswer(frames, { limit: LONGEST, signal });
  if (typeof time !== "number") throw new FrameError("it tells no time");
  refuseSkew(time, clock.now());
}

/** An answer of the listener; a refusal is thrown. */
export async function readAnswer(
  frames: FrameStream,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Record<string, unknown>> {
  const answer = await frames.readJson(limit, signal);
  if (answer["ok"] === true) return answer;
  const { reason, message } = answer;
  throw new RefusedError(String(reason) as RefusalReason, String(message).slice(0, LONGEST), { byOther: true });
}
