import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";

/** A client that has this many bytes of events unread is cut off: it lists again and is up to date sooner. */
export const WATCH_BUFFER_LIMIT = 8 * 1024 * 1024;

/** One piece of a chunked body (RFC 9112 7.1), ready for the socket, so that many watchers share one buffer. */
export function chunk(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
}

/** A frame of a watch: the event's type and an object that is JSON already. */
export function watchFrame(type: string, object: Buffer | string): Buffer {
  const json = typeof object === "string" ? Buffer.from(object) : object;
  return chunk(Buffer.concat([Buffer.from(`{"type":"${type}","object":`), json, Buffer.from("}\n")]));
}

export interface WatchStreamOptions {
  readonly bufferLimit?: number;
  readonly onSlow?: (unsentBytes: number) => void;
}

/**
 * Writes frames to one watcher. The head of the answer goes out at once. Frames are written past the ServerResponse, which
 * would cut each into four writes; everything that is sent within one turn leaves in one.
 */
export class WatchStream {
  readonly #response: ServerResponse;
  readonly #socket: Socket | null;
  readonly #limit: number;
  readonly #onSlow: ((unsentBytes: number) => void) | undefined;
  #corked = false;
  #open = true;
  /** Bytes of the initial state that may still be unsent: a client is not slow for asking for much. */
  #allowance = 0;

  constructor(response: ServerResponse, { bufferLimit = WATCH_BUFFER_LIMIT, onSlow }: WatchStreamOptions = {}) {
    this.#response = response;
    this.#limit = bufferLimit;
    this.#onSlow = onSlow;
    response.writeHead(200, { "Transfer-Encoding": "chunked", "Cache-Control": "no-cache, private" });
    response.flushHeaders();
    this.#socket = response.socket;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Sends a part of the state that the watch begins with. */
  sendInitial(frame: Buffer): void {
    if (this.#allowance === 0) this.#socket?.once("drain", () => (this.#allowance = 0));
    this.#allowance += frame.length;
    this.send(frame);
  }

  send(frame: Buffer): void {
    const socket = this.#socket;
    if (!this.#open || !socket || socket.destroyed) return;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(frame);
    if (socket.writableLength > this.#limit + this.#allowance) {
      this.#onSlow?.(socket.writableLength);
      this.#open = false;
      socket.destroy();
    }
  }

  /** Ends the answer properly: the client starts the next watch where this one stopped. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#response.end();
  }
}

/** Calls `callback` every `ms` until the signal is aborted. */
export function every(
  clock: Clock,
  ms: number,
  { callback, signal }: { callback: () => void; signal: AbortSignal },
): void {
  let cancel = (): void => {};
  const next = (): void => {
    cancel = clock.timer(ms, () => {
      callback();
      if (!signal.aborted) next();
    });
  };
  next();
  signal.addEventListener("abort", () => cancel(), { once: true });
}
