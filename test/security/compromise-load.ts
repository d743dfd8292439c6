import { Agent, request } from "node:https";
import { ApiError } from "../../src/api/api-error.ts";
import { ApiClient, ConnectionError } from "../../src/client/api-client.ts";
import type { Connection } from "../../src/client/connection.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { deadline } from "../../src/lib/deadline.ts";
import { describeError } from "../../src/lib/log.ts";
import { eventually } from "../poll.ts";

/** Longer than any answer may take, the load of the machine included. */
const HANGS_MS = 20_000;
/** How often one piece of work is tried again with what is on disk then. */
const MOST_TRIES = 400;
const BETWEEN_MS = 20;
/** There are many of those, and each handshake of theirs costs this process as much as the agent. */
const BETWEEN_OLD_MS = 100;

/** What whoever has credentials of before may see: a connection that ends, or a server that is not the known one. */
const ENDS = new Set(["ECONNRESET", "EPIPE"]);
const NOT_KNOWN = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code ?? describeError(error));
}

const isRefusal = (code: string): boolean => ENDS.has(code) || NOT_KNOWN.has(code);

export interface Kept {
  readonly resource: "secrets" | "configmaps";
  readonly value: string;
}

/**
 * Writes all the time, as somebody who reads his credentials again whenever he is refused. Makes Secrets and ConfigMaps in
 * the namespace default, and changes Secrets that it made before.
 */
export class RenewingWriter {
  /** What was neither served nor refused for the credentials. */
  readonly failures: string[] = [];
  /** What was acknowledged last, by name. */
  readonly kept = new Map<string, Kept>();
  requests = 0;
  refusals = 0;
  /** Between two answers that were no refusal. */
  longestGapMs = 0;
  readonly #read: () => Connection;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #client: ApiClient;
  #servedAt = systemClock.monotonic();

  constructor(name: string, read: () => Connection) {
    this.#name = name;
    this.#read = read;
    this.#client = new ApiClient(read());
    this.#running = this.#run();
  }

  /** Resolves once there was so much more work done. */
  async more(count = 15): Promise<void> {
    const wanted = this.requests + count;
    const enough = (): boolean => this.requests >= wanted || this.failures.length > 0;
    await eventually(enough, { what: `more work of ${this.#name}`, timeoutMs: 30_000 });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#client.close();
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#stop.signal.aborted && this.failures.length === 0; at += 1) {
      const name = `${this.#name}-${at}`;
      await this.#keep(name, { resource: at % 3 === 1 ? "configmaps" : "secrets", value: `first of ${name}` });
      const earlier = `${this.#name}-${at - 3}`;
      const one = this.kept.get(earlier);
      if (one?.resource === "secrets") await this.#keep(earlier, { ...one, value: `second of ${earlier}` });
    }
  }

  /** Until it is served: the same work, with the credentials of then. */
  async #keep(name: string, { resource, value }: Kept): Promise<void> {
    const path = `/api/v1/namespaces/default/${resource}`;
    const data = { value: resource === "secrets" ? Buffer.from(value).toString("base64") : value };
    const contentType = "application/merge-patch+json";
    const work = (signal: AbortSignal): Promise<unknown> =>
      this.kept.has(name)
        ? this.#client.json("PATCH", `${path}/${name}`, { body: { data }, contentType, signal })
        : this.#client.json("POST", path, { body: { metadata: { name }, data }, signal });
    for (let tries = 1, unanswered = false; ; tries += 1) {
      try {
        using limit = deadline(HANGS_MS, new AbortController().signal);
        await work(limit.signal).catch((error: unknown) => {
          // Done the time before, when the connection ended in front of the answer.
          if (!(unanswered && error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
        });
        break;
      } catch (error) {
        const refused = error instanceof ApiError ? error.code === 401 : isRefusal(codeOf((error as Error).cause));
        if (!refused || tries === MOST_TRIES) {
          this.failures.push(`${name}: ${describeError(error)} ${describeError((error as Error).cause)}`);
          return;
        }
        unanswered ||= error instanceof ConnectionError;
        this.refusals += 1;
        this.#client.close();
        await systemClock.sleep(BETWEEN_MS);
        this.#client = new ApiClient(this.#read());
      }
    }
    this.kept.set(name, { resource, value });
    this.requests += 1;
    const now = systemClock.monotonic();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#servedAt);
    await systemClock.sleep(BETWEEN_MS);
    this.#servedAt = systemClock.monotonic();
  }
}

/** Who has these, and never gets others. `believes` any server: a thief does not care. */
export interface OldCredentials {
  readonly connection: Connection;
  readonly believesAny: boolean;
}

/** Reads Secrets all the time with what was good once: on a connection that stays if it may, and on a new one each. */
export class OldClient {
  /** When requests began, and what came of them: a status or why the connection ended. */
  readonly #seen: { readonly began: number; readonly ending: string }[] = [];
  readonly #who: OldCredentials;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(who: OldCredentials) {
    this.#who = who;
    this.#running = Promise.all([this.#again(this.#agent), this.#again(false)]);
  }

  /** All endings of requests that began then or later, once each. */
  endings(since = 0): string[] {
    return [...new Set(this.#seen.filter(({ began }) => began >= since).map(({ ending }) => ending))].toSorted();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#agent.destroy();
  }

  async #again(agent: Agent | false): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const began = systemClock.monotonic();
      const ending = await this.#ask(agent).catch((error: unknown) =>
        isRefusal(codeOf(error)) ? `refused: ${codeOf(error)}` : describeError(error),
      );
      this.#seen.push({ began, ending });
      await systemClock.sleep(BETWEEN_OLD_MS);
    }
  }

  async #ask(agent: Agent | false): Promise<string> {
    const { connection, believesAny } = this.#who;
    const { server, ca, cert, key, token } = connection;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const trust = believesAny ? { rejectUnauthorized: false } : { ca };
    using limit = deadline(HANGS_MS, new AbortController().signal);
    const options = { agent, headers, signal: limit.signal, ...trust, ...(cert && key ? { cert, key } : {}) };
    return await new Promise((resolve, reject) => {
      const asked = request(`${server}/api/v1/namespaces/default/secrets?limit=50`, options, (response) => {
        response.resume().once("error", reject);
        response.once("end", () => resolve(String(response.statusCode)));
      });
      asked.once("error", reject).end();
    });
  }
}
