import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { systemClock, type Clock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { IngressServer, type IngressServerOptions } from "./ingress-server.ts";
import type { IngressEndpoint, IngressRule, IngressSnapshot } from "./snapshot.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A real HTTP server for a backend. */
export async function backend(t: TestContext, handler: Handler): Promise<IngressEndpoint & { server: Server }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    Promise.resolve(handler(request, response)).catch((error: Error) => response.destroy(error));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: "127.0.0.1", port: (server.address() as AddressInfo).port, local: true, server };
}

/** An endpoint at which nobody listens: no program has this port by chance. */
export function deadEndpoint(): IngressEndpoint {
  return { address: "127.0.0.1", port: 1, local: true };
}

/** One rule for everything, to these endpoints. */
export function toEndpoints(endpoints: readonly IngressEndpoint[], rule: Partial<IngressRule> = {}): IngressSnapshot {
  return {
    rules: [{ host: "", type: "Prefix", path: "/", backend: "default/web:80", redirect: false, ...rule }],
    backends: { "default/web:80": { endpoints } },
    certificates: [],
  };
}

/** Stands until it is moved. */
export class SteppingClock implements Clock {
  #ms = 0;
  readonly #timers = new Set<{ readonly due: number; readonly callback: () => void }>();

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  async sleep(): Promise<void> {
    throw new Error("Cannot sleep on a stepping clock: move it");
  }

  timer(ms: number, callback: () => void): () => void {
    const timer = { due: this.#ms + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    const end = this.#ms + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#ms = Math.max(this.#ms, next.due);
      next.callback();
    }
    this.#ms = end;
  }
}

export interface StartOptions extends IngressServerOptions {
  readonly clock?: Clock;
}

export async function start(
  t: TestContext,
  snapshot: IngressSnapshot | undefined,
  { clock = systemClock, ...options }: StartOptions = {},
) {
  const stop = new AbortController();
  const listening = Promise.withResolvers<{ http?: number; https?: number }>();
  const server = new IngressServer(
    { clock, random: seededRandom(1), log: silentLogger },
    { http: { host: "127.0.0.1", port: 0 }, drainMs: 200, onListening: listening.resolve, ...options },
  );
  if (snapshot !== undefined) server.apply(snapshot);
  const running = server.run(stop.signal);
  t.after(async () => {
    stop.abort();
    let over = false;
    const ended = running.finally(() => (over = true));
    if (clock instanceof SteppingClock) {
      await until(() => {
        clock.advance(1000);
        return over;
      });
    }
    await ended;
  });
  const ports = await Promise.race([listening.promise, running.then(() => ({ http: 0, https: 0 }))]);
  return { server, http: ports.http ?? 0, https: ports.https ?? 0, stop, running };
}

/** Sends bytes as they are and returns all that comes back until the connection ends. */
export async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(text, "latin1");
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Waits for a condition; false when it does not come within half a minute. */
export async function until(condition: () => boolean): Promise<boolean> {
  const deadline = systemClock.monotonic() + 30_000;
  while (!condition()) {
    if (systemClock.monotonic() > deadline) return false;
    await systemClock.sleep(5);
  }
  return true;
}
