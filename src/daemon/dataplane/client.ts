import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { EndpointDrain, ProbeCheck, Prober } from "../../runtime/ports.ts";
import { dialThrough } from "./dial.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import { type DataplaneState, type FromDataplane, PROTOCOL_VERSION, type ToDataplane } from "./protocol.ts";
import type { ProbeResult } from "./probe-result.ts";
import { diffState } from "./state-change.ts";

/** How long a dataplane may take to start, in milliseconds: rootless, Podman's own start is in it. */
const PATIENCE_MS = 5_000;

/** How long one that has taken the connection may take to say who it is, in milliseconds. */
const WELCOME_MS = 10_000;

/** What of a probe's message is kept: it ends up in Events. */
const LONGEST_MESSAGE = 1024;

interface Published {
  readonly seq: number;
  readonly state: DataplaneState;
  /** The pod addresses to which this state sends connections. */
  readonly addresses: ReadonlySet<string>;
}

export interface DataplaneClientOptions {
  /** The control socket. */
  readonly path: string;
  /** The pause between two attempts to connect, in milliseconds. */
  readonly retryMs?: number;
  /** How long a new connection may stay without an answer, in milliseconds. */
  readonly welcomeMs?: number;
  /** Called for each dataplane process that comes: it may live in another network namespace than the one before. */
  readonly onConnect?: () => void;
}

interface Session {
  readonly socket: Socket;
  /** What this dataplane has been sent; undefined before the first snapshot. */
  sent: Published | undefined;
}

/**
 * The agent's side of the control socket: keeps the dataplane's state as published, through restarts of either, and
 * runs probes and dials in the pods' network.
 */
export class DataplaneClient implements Prober, EndpointDrain {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #path: string;
  readonly #retryMs: number;
  readonly #welcomeMs: number;
  readonly #onConnect: () => void;
  readonly #probes = new Map<number, Pick<PromiseWithResolvers<ProbeResult>, "resolve" | "reject">>();
  readonly #waiters = new Set<() => void>();
  #session: Session | undefined;
  /** There was a dataplane since this agent started. */
  #met = false;
  #published: Published | undefined;
  #applied: Published | undefined;
  #inFlight: Published[] = [];
  #pid: number | undefined;
  #nextProbe = 1;

  constructor(
    { clock, logger }: { clock: Clock; logger: Logger },
    { path, retryMs = 100, welcomeMs = WELCOME_MS, onConnect = () => {} }: DataplaneClientOptions,
  ) {
    this.#onConnect = onConnect;
    this.#clock = clock;
    this.#logger = logger;
    this.#path = path;
    this.#retryMs = retryMs;
    this.#welcomeMs = welcomeMs;
  }

  /** The dataplane's process, while it is connected; it lives in the pods' network namespace. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** The dataplane's process, waiting a little for one that is just starting. Rejects when there is none. */
  async waitForPid(signal?: AbortSignal): Promise<number> {
    await this.#until(() => this.#pid !== undefined, PATIENCE_MS, signal);
    signal?.throwIfAborted();
    if (this.#pid === undefined) throw new Error("Cannot reach the pods' network: the dataplane process is not there");
    return this.#pid;
  }

  /** Says what the dataplane is to do from now on, and which pod addresses this uses. Never waits. */
  publish(state: DataplaneState, addresses: ReadonlySet<string>): void {
    this.#published = { seq: (this.#published?.seq ?? 0) + 1, state, addresses };
    this.#push();
  }

  /** Whether the dataplane has applied what was published last. */
  get isCurrent(): boolean {
    return this.#applied !== undefined && this.#applied === this.#published;
  }

  async drained(podIp: string, timeoutMs: number): Promise<void> {
    const free = (): boolean =>
      this.#published?.addresses.has(podIp) === false && (this.isCurrent || !this.#uses(podIp));
    if (free()) return;
    await this.#until(free, timeoutMs);
  }

  async probe(check: ProbeCheck, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    signal.throwIfAborted();
    await this.#until(() => this.#pid !== undefined, timeoutMs, signal);
    signal.throwIfAborted();
    const session = this.#session;
    if (session === undefined || this.#pid === undefined) {
      throw new Error("Cannot run the probe: the dataplane process is not there");
    }
    const id = this.#nextProbe++;
    const answer = Promise.withResolvers<ProbeResult>();
    this.#probes.set(id, answer);
    const abort = (): void => answer.reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    // The dataplane keeps to the time limit itself; this is for one that does not answer at all.
    const cancel = this.#clock.timer(timeoutMs + PATIENCE_MS, () =>
      answer.reject(new Error("Cannot run the probe: the dataplane process does not answer")),
    );
    send(session.socket, { type: "probe", id, check, timeoutMs });
    try {
      return await answer.promise;
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
      // Still there when it was given up.
      if (this.#probes.delete(id)) send(session.socket, { type: "cancel", id });
    }
  }

  /** A connection from the pods' network to an address there. Rejects with the system's `code` when it is refused. */
  dial(host: string, port: number, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<Duplex> {
    return dialThrough(this.#path, { host, port, ...options });
  }

  /** Ends the dataplane process; the supervisor starts it again, in the namespace that is the right one by then. */
  restart(reason: string): void {
    this.#logger.warn("Restarting the dataplane process", { reason });
    if (this.#session !== undefined) send(this.#session.socket, { type: "restart", reason });
  }

  /** Stays connected until `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { why, wasThere } = await this.#connection(signal);
      if (signal.aborted) return;
      if (wasThere) this.#logger.warn("Lost the dataplane process, connecting again", { why });
      else this.#logger.debug("The dataplane process is not there yet", { why });
      await pause(this.#clock, this.#retryMs, signal);
    }
  }

  /** Resolves with the reason when the connection is over, and whether there was one. */
  #connection(signal: AbortSignal): Promise<{ why: string; wasThere: boolean }> {
    return new Promise((resolve) => {
      const socket = connect({ path: this.#path });
      const session: Session = { socket, sent: undefined };
      const decoder = new FrameDecoder();
      let why = "the connection was closed";
      const stop = (): void => void socket.destroy();
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      let forget = (): void => {};
      socket.on("connect", () => {
        send(socket, { type: "hello", version: PROTOCOL_VERSION });
        forget = this.#clock.timer(this.#welcomeMs, () => {
          if (this.#session === session) return;
          this.#logger.warn("The dataplane process does not answer, connecting again", { waitedMs: this.#welcomeMs });
          socket.destroy(new Error(`it did not answer within ${this.#welcomeMs} ms`));
        });
      });
      socket.on("data", (chunk: Buffer) => {
        try {
          for (const frame of decoder.push(chunk)) this.#receive(session, frame as FromDataplane);
        } catch (error) {
          socket.destroy(error as Error);
        }
      });
      socket.on("error", (error) => (why = error.message));
      socket.on("close", () => {
        forget();
        signal.removeEventListener("abort", stop);
        const wasThere = this.#session === session;
        this.#lost(why);
        resolve({ why, wasThere });
      });
    });
  }

  #receive(session: Session, message: FromDataplane): void {
    switch (message.type) {
      case "welcome":
        if (!Number.isSafeInteger(message.pid) || message.pid <= 1) throw new Error("Cannot read the dataplane's pid");
        this.#session = session;
        this.#met = true;
        this.#pid = message.pid;
        this.#push();
        this.#onConnect();
        break;
      case "applied":
        this.#applied = this.#inFlight.find(({ seq }) => seq === message.seq);
        this.#inFlight = this.#inFlight.filter(({ seq }) => seq > message.seq);
        break;
      case "refused":
        // What it does now is not known: nothing counts as drained until a later state was applied.
        this.#logger.error("The dataplane refused its state", { why: message.message });
        break;
      case "probed":
        this.#probes.get(message.id)?.resolve({
          ok: message.ok === true,
          message: String(message.message).slice(0, LONGEST_MESSAGE),
        });
        this.#probes.delete(message.id);
        break;
      case "dialed":
      case "failed":
        throw new Error("Cannot read an answer to a dial on the control connection");
    }
    for (const check of this.#waiters) check();
  }

  #lost(why: string): void {
    this.#session = undefined;
    this.#pid = undefined;
    this.#applied = undefined;
    this.#inFlight = [];
    const error = new Error("Cannot run the probe: the dataplane process ended", { cause: new Error(why) });
    for (const { reject } of this.#probes.values()) reject(error);
    this.#probes.clear();
    for (const check of this.#waiters) check();
  }

  /** The whole state to a new dataplane, changes afterwards. */
  #push(): void {
    const session = this.#session;
    const next = this.#published;
    if (session === undefined || next === undefined || session.sent === next) return;
    if (session.sent === undefined) send(session.socket, { type: "snapshot", seq: next.seq, state: next.state });
    else send(session.socket, { type: "change", seq: next.seq, changes: diffState(session.sent.state, next.state) });
    session.sent = next;
    this.#inFlight.push(next);
  }

  /**
   * Whether a dataplane may still send connections to the address. One that has ended sends none; one that has not heard
   * from this agent yet does what the agent before wanted.
   */
  #uses(podIp: string): boolean {
    if (this.#session === undefined) return !this.#met;
    if (this.#applied === undefined) return true;
    const known = [this.#applied, ...this.#inFlight];
    return known.some(({ addresses }) => addresses.has(podIp));
  }

  /** Resolves when it is so, or after `timeoutMs`, or when the signal aborts. */
  #until(isSo: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        this.#waiters.delete(check);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const check = (): void => {
        if (isSo()) finish();
      };
      const cancel = this.#clock.timer(timeoutMs, finish);
      this.#waiters.add(check);
      signal?.addEventListener("abort", finish, { once: true });
    });
  }
}

function send(socket: Socket, message: ToDataplane): void {
  if (socket.writable) socket.write(encodeFrame(message));
}
