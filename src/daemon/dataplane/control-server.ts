import { connect, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import type { LimitedProber } from "./prober.ts";
import {
  type DataplaneState,
  type FromDataplane,
  PROTOCOL_VERSION,
  readToDataplane,
  type ToDataplane,
} from "./protocol.ts";
import { changeState } from "./state-change.ts";

export interface ControlServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly prober: LimitedProber;
  /** Makes the servers follow the state; what it throws is told to the agent. */
  readonly apply: (state: DataplaneState) => void;
  /** Ends this process. */
  readonly restart: (reason: string) => void;
}

type Dial = Extract<ToDataplane, { type: "dial" }>;

/**
 * The dataplane's side of the control socket. A connection that speaks nonsense is closed; the state stays as it was,
 * also while no agent is connected.
 */
export class ControlServer {
  readonly #deps: ControlServerDeps;
  readonly #sockets = new Set<Socket>();
  #state: DataplaneState | undefined;

  constructor(deps: ControlServerDeps) {
    this.#deps = deps;
  }

  /** Accepts agents on the server that `listen` starts, until `signal`. */
  async run(listen: (server: Server) => Promise<void>, signal: AbortSignal): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await listen(server);
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      const stop = (): void => {
        server.close(() => resolve());
        for (const socket of this.#sockets) socket.destroy();
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const gone = new AbortController();
    const probes = new Map<number, AbortController>();
    const decoder = new FrameDecoder();
    const onData = (chunk: Buffer): void => {
      try {
        for (const frame of decoder.push(chunk)) {
          const message = readToDataplane(frame);
          if (message.type === "dial") {
            socket.off("data", onData).off("end", onEnd).pause();
            this.#dial(socket, message, decoder.rest());
            return;
          }
          this.#handle(message, { socket, probes, gone: gone.signal });
        }
      } catch (error) {
        this.#deps.logger.warn("Closed a control connection that cannot be understood", { error });
        socket.destroy();
      }
    };
    const onEnd = (): void => void socket.end();
    socket.on("data", onData).on("end", onEnd);
    socket.on("error", (error) => this.#deps.logger.debug("A control connection broke", { error }));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      gone.abort(new Error("The agent is gone"));
    });
  }

  #handle(message: Exclude<ToDataplane, Dial>, connection: Connection): void {
    const { socket, probes } = connection;
    switch (message.type) {
      case "hello":
        if (message.version !== PROTOCOL_VERSION) {
          throw new Error(
            `Cannot talk to an agent that speaks version ${message.version}, ours is ${PROTOCOL_VERSION}`,
          );
        }
        return send(socket, { type: "welcome", version: PROTOCOL_VERSION, pid: process.pid });
      case "snapshot":
        return this.#apply(socket, message.seq, message.state);
      case "change":
        if (this.#state === undefined) throw new Error("Cannot change a state that was never sent");
        return this.#apply(socket, message.seq, changeState(this.#state, message.changes));
      case "probe":
        return this.#probe(message, connection);
      case "cancel":
        return probes.get(message.id)?.abort(new Error("the probe was cancelled"));
      case "restart":
        return this.#deps.restart(message.reason);
    }
  }

  #apply(socket: Socket, seq: number, state: DataplaneState): void {
    this.#state = state;
    try {
      this.#deps.apply(state);
    } catch (error) {
      this.#deps.logger.error("Cannot apply the state", { error });
      return send(socket, { type: "refused", seq, message: describeError(error) });
    }
    send(socket, { type: "applied", seq });
  }

  #probe(
    { id, check, timeoutMs }: Extract<ToDataplane, { type: "probe" }>,
    { socket, probes, gone }: Connection,
  ): void {
    const cancel = new AbortController();
    probes.set(id, cancel);
    void this.#deps.prober
      .probe(check, { timeoutMs, signal: AbortSignal.any([cancel.signal, gone]) })
      .then(({ ok, message }) => {
        probes.delete(id);
        send(socket, { type: "probed", id, ok, message });
      });
  }

  /** Joins the agent's connection with one to a pod; bytes that came too early go first. */
  #dial(socket: Socket, { host, port, timeoutMs }: Dial, early: Buffer): void {
    const pod = connect({ host, port, allowHalfOpen: true });
    const cancel = this.#deps.clock.timer(timeoutMs, () => {
      pod.destroy(Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: "ETIMEDOUT" }));
    });
    let joined = false;
    pod.on("connect", () => {
      cancel();
      joined = true;
      send(socket, { type: "dialed" });
      if (early.length > 0) pod.write(early);
      socket.pipe(pod);
      pod.pipe(socket);
    });
    pod.on("error", (error: NodeJS.ErrnoException) => {
      cancel();
      if (joined) socket.destroy();
      else
        socket.end(
          encodeFrame({ type: "failed", code: error.code ?? "", message: error.message } satisfies FromDataplane),
        );
    });
    // A broken connection takes the other with it; what was sent to the pod before a half-close still goes out.
    socket.on("close", () => {
      if (!socket.readableEnded) pod.destroy();
      else if (!socket.writableFinished) pod.destroySoon();
    });
    pod.on("close", () => joined && socket.end());
  }
}

interface Connection {
  readonly socket: Socket;
  readonly probes: Map<number, AbortController>;
  /** Aborts when the agent's connection ends. */
  readonly gone: AbortSignal;
}

function send(socket: Socket, message: FromDataplane): void {
  if (socket.writable) socket.write(encodeFrame(message));
}
