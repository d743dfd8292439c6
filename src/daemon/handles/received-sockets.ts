import type { Socket } from "node:dgram";
import type { EventEmitter } from "node:events";
import type { Server } from "node:net";
import type { FromChild, FromSupervisor } from "./socket-messages.ts";
import { boundPort, type BoundHandle } from "./bound-handle.ts";

/** The sockets that the supervisor has handed to this process, by name. Each can be taken once. */
export class ReceivedSockets {
  readonly #handles: Map<string, BoundHandle>;
  /** Whose privileges to take after everything is loaded; see `dropPrivileges`. */
  readonly dropTo: { readonly uid: number; readonly gid: number } | undefined;

  constructor(
    handles: ReadonlyMap<string, BoundHandle>,
    options: { dropTo?: { readonly uid: number; readonly gid: number } | undefined } = {},
  ) {
    this.#handles = new Map(handles);
    this.dropTo = options.dropTo;
  }

  has(name: string): boolean {
    return this.#handles.has(name);
  }

  /** The socket itself, for `server.listen(handle)`, and its port. */
  take(name: string): { readonly handle: BoundHandle; readonly port: number } {
    const handle = this.#take(name);
    return { handle, port: boundPort(handle) };
  }

  /** Resolves when the server accepts connections; works for http, https and http2 servers too. */
  listen(name: string, server: Server): Promise<void> {
    const handle = this.#take(name);
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => reject(new Error(`Cannot listen on the ${name} socket`, { cause: error }));
      server.once("error", failed);
      // Node takes a TCP handle as it is, and a unix socket only by its descriptor.
      server.listen(handle.constructor.name === "Pipe" ? { fd: handle.fd } : handle, () => {
        server.off("error", failed);
        resolve();
      });
    });
  }

  /** Resolves when the socket receives. */
  bind(name: string, socket: Socket): Promise<void> {
    const handle = this.#take(name);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      (socket.bind as (handle: BoundHandle, done: () => void) => void).call(socket, handle, () => {
        socket.off("error", reject);
        resolve();
      });
    });
  }

  #take(name: string): BoundHandle {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw new Error(`Cannot serve the ${name} socket: the supervisor has not handed it over`);
    // A Pipe handle stays referenced here: collecting it would close the descriptor that the server uses.
    if (handle.constructor.name !== "Pipe") this.#handles.delete(name);
    return handle;
  }
}

/**
 * The child's side of the supervisor. Call it once, early; `stop` aborts when the supervisor asks this process to end,
 * by message or signal, and when the supervisor is gone.
 */
export interface SupervisorLink {
  readonly sockets: Promise<ReceivedSockets>;
  readonly stop: AbortSignal;
}

export function connectToSupervisor(): SupervisorLink {
  if (process.send === undefined) {
    throw new Error("Cannot run this process alone: it is started by the supervisor, without arguments of its own");
  }
  const stop = new AbortController();
  process.once("disconnect", () => stop.abort(new Error("The supervisor is gone")));
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort(new Error(`Received ${name}`)));
  const sockets = new Promise<ReceivedSockets>((resolve, reject) => {
    const handles = new Map<string, BoundHandle>();
    let expected: Extract<FromSupervisor, { type: "sockets" }> | undefined;
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
    process.on("message", (message, handle) => {
      const told = message as FromSupervisor;
      if (told.type === "stop") stop.abort(new Error("The supervisor stops this node"));
      if (told.type === "sockets") expected = told;
      if (told.type === "socket") handles.set(told.name, handle as unknown as BoundHandle);
      if (expected !== undefined && expected.names.every((name) => handles.has(name))) {
        resolve(new ReceivedSockets(handles, { dropTo: expected.dropTo }));
      }
    });
  });
  // The channel breaks when the supervisor is killed while something is on its way: "disconnect" follows.
  (process as EventEmitter).on("error", (error: Error) => stop.abort(error));
  // Whoever awaits it sees the failure; a process that is told to stop before it asks for sockets must not crash.
  sockets.catch(() => {});
  process.send({ type: "hello", pid: process.pid } satisfies FromChild);
  return { sockets, stop: stop.signal };
}
