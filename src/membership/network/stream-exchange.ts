import { connect, type Socket } from "node:net";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { deadline } from "../../lib/deadline.ts";
import { describeError } from "../../lib/log.ts";
import type { ExchangeFailure } from "../protocol/inputs.ts";
import type { Endpoint } from "../protocol/member.ts";
import { ExchangeError, type ExchangeOptions } from "../transport.ts";
import { FrameScanner } from "../wire/frame-scanner.ts";
import { WireError } from "../wire/wire-error.ts";

/** What an error says of a host with which there was no connection yet. */
const BY_CODE: Readonly<Record<string, ExchangeFailure>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ETIMEDOUT: "timeout",
};

function failureOf(error: unknown, connected: boolean): ExchangeFailure {
  if (error instanceof WireError) return "broken";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // Once there was a connection, something on that host answered, whatever came of it.
  return connected ? "silent" : (BY_CODE[code] ?? "unreachable");
}

/** One connection: sends a frame, and reads one if `wantsReply`. Rejects with ExchangeError. */
export async function exchangeFrame(
  frame: Uint8Array,
  to: Endpoint,
  { timeoutMs, signal, wantsReply, clock = systemClock }: ExchangeOptions & { wantsReply: boolean; clock?: Clock },
): Promise<Buffer> {
  signal.throwIfAborted();
  using limit = deadline(timeoutMs, signal, clock);
  const socket = connect({ host: to.host, port: to.port, noDelay: true });
  let connected = false;
  socket.once("connect", () => {
    connected = true;
  });
  const name = `${to.host}:${to.port}`;
  try {
    return await talk(socket, frame, { wantsReply, signal: limit.signal });
  } catch (error) {
    signal.throwIfAborted();
    const failure = limit.passed ? (connected ? "silent" : "timeout") : failureOf(error, connected);
    const why = limit.passed ? `no answer within ${timeoutMs} ms` : describeError(error);
    throw new ExchangeError(failure, `Cannot exchange messages with ${name}: ${why}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

function talk(
  socket: Socket,
  frame: Uint8Array,
  { wantsReply, signal }: { wantsReply: boolean; signal: AbortSignal },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const scanner = new FrameScanner();
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("it closed the connection without an answer")));
    if (!wantsReply) {
      // The other side closes once it has read the frame; this one waits for the bytes to leave only.
      socket.end(frame, () => resolve(Buffer.alloc(0)));
      return;
    }
    socket.on("data", (chunk: Buffer) => {
      try {
        const reply = scanner.push(chunk);
        if (reply) resolve(reply);
      } catch (error) {
        reject(error as Error);
      }
    });
    socket.write(frame);
  });
}
