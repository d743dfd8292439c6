import type { Duplex } from "node:stream";
import type { PodmanHttp } from "./podman-http.ts";
import { endExecDelay, signal as endProcess } from "./exec-delay.ts";
import { RuntimeError, type ExecOptions, type ExecResult } from "../runtime-port.ts";
import type { Clock } from "../../lib/clock.ts";

const MAX_OUTPUT = 10 * 1024;
/** Docker's stream framing: one byte of stream, three of zero, four of length (big endian). */
const HEADER = 8;

/** Takes framed output apart. `push` returns the payloads that are complete. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): { readonly stream: number; readonly payload: Buffer }[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: { stream: number; payload: Buffer }[] = [];
    while (this.#rest.length >= HEADER) {
      const length = this.#rest.readUInt32BE(4);
      if (this.#rest.length < HEADER + length) break;
      frames.push({ stream: this.#rest[0] ?? 0, payload: this.#rest.subarray(HEADER, HEADER + length) });
      this.#rest = this.#rest.subarray(HEADER + length);
    }
    return frames;
  }
}

/** Runs a command in a container and collects what it prints. */
export async function execCollect(
  deps: { readonly http: PodmanHttp; readonly clock: Clock },
  containerId: string,
  { command, timeoutMs, signal }: ExecOptions & { readonly signal: AbortSignal },
): Promise<ExecResult> {
  const { http, clock } = deps;
  const created = await http.json<{ Id: string }>({
    method: "POST",
    path: `/containers/${containerId}/exec`,
    body: { AttachStdout: true, AttachStderr: true, Cmd: command },
    signal,
  });
  const { socket, head } = await http.upgrade({
    method: "POST",
    path: `/exec/${created.Id}/start`,
    body: { Detach: false, Tty: false },
    signal,
  });
  const session = { path: `/exec/${created.Id}/json` };
  try {
    const output = await collect(socket, head, { clock, timeoutMs, signal, what: command[0] ?? "" });
    const { ExitCode: exitCode } = await http.json<{ ExitCode: number }>({ ...session, signal });
    return { exitCode, output };
  } catch (error) {
    // What runs longer than it may is ended; the session itself has no way to stop it.
    const { Running: running, Pid: pid } = await http.json<{ Running: boolean; Pid: number }>(session);
    if (running && pid > 0) endProcess(pid, "SIGKILL");
    throw error;
  } finally {
    await endExecDelay(created.Id, clock);
  }
}

interface CollectOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly what: string;
}

async function collect(socket: Duplex, head: Buffer, options: CollectOptions): Promise<string> {
  const { clock, timeoutMs, signal, what } = options;
  const reader = new FrameReader();
  const parts: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    for (const { payload } of reader.push(chunk)) {
      if (size < MAX_OUTPUT) parts.push(payload.subarray(0, MAX_OUTPUT - size));
      size += payload.length;
    }
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.timer(timeoutMs, () =>
    reject(new RuntimeError("timeout", `command "${what}" timed out after ${timeoutMs / 1000} s`)),
  );
  const aborted = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
  signal.addEventListener("abort", aborted, { once: true });
  socket.on("data", take);
  socket.on("end", resolve);
  socket.on("close", resolve);
  socket.on("error", (cause) => reject(new RuntimeError("unavailable", "Cannot read the command's output", { cause })));
  take(head);
  try {
    await promise;
    return Buffer.concat(parts).toString("utf8");
  } finally {
    cancel();
    signal.removeEventListener("abort", aborted);
    socket.destroy();
  }
}
