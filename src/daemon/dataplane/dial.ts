import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import type { FromDataplane, ToDataplane } from "./protocol.ts";

const GRACE_MS = 2_000;

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs?: number;
  /** Gives the attempt up; afterwards the connection belongs to the caller. */
  readonly signal?: AbortSignal;
}

/** Opens a connection to a pod through the dataplane's control socket. */
export function dialThrough(path: string, { host, port, timeoutMs = 10_000, signal }: DialTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown, code?: string): void => {
      socket.destroy();
      const error = new Error(`Cannot connect to ${host}:${port}`, { cause });
      reject(code === undefined ? error : Object.assign(error, { code }));
    };
    const socket = connect({ path, allowHalfOpen: true });
    const aborted = (): void => failed(signal?.reason);
    const broken = (error: Error): void => failed(error);
    const ended = (): void => failed(new Error("the dataplane process ended"));
    // The dataplane keeps to the time limit itself; this is for one that does not answer at all.
    socket.setTimeout(timeoutMs + GRACE_MS, () =>
      failed(new Error("the dataplane process does not answer"), "ETIMEDOUT"),
    );
    const decoder = new FrameDecoder();
    const onData = (chunk: Buffer): void => {
      try {
        for (const frame of decoder.push(chunk)) {
          const answer = frame as FromDataplane;
          if (answer.type === "failed") return failed(new Error(answer.message), answer.code);
          if (answer.type !== "dialed") throw new Error(`an answer of type ${answer.type}`);
          socket.setTimeout(0).removeAllListeners("timeout").pause();
          socket.off("data", onData).off("error", broken).off("end", ended);
          signal?.removeEventListener("abort", aborted);
          const rest = decoder.rest();
          if (rest.length > 0) socket.unshift(rest);
          return resolve(socket);
        }
      } catch (error) {
        failed(error);
      }
    };
    socket.on("data", onData).on("error", broken).on("end", ended);
    signal?.addEventListener("abort", aborted, { once: true });
    if (signal?.aborted) return aborted();
    socket.write(encodeFrame({ type: "dial", host, port, timeoutMs } satisfies ToDataplane));
  });
}
