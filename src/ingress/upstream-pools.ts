import type { Dispatcher, Pool } from "undici";
import { describeError, type Logger } from "../lib/log.ts";
import type { IngressEndpoint } from "./snapshot.ts";

export interface UpstreamPoolsOptions {
  connectTimeoutMs: number;
  /** Without a byte from the upstream, before or within the answer. */
  idleTimeoutMs: number;
}

/** Keep-alive connections to endpoints, one pool each. */
export class UpstreamPools {
  readonly #create: (origin: string, options: Pool.Options) => Pool;
  readonly #log: Logger;
  readonly #options: UpstreamPoolsOptions;
  readonly #pools = new Map<string, Pool>();
  readonly #draining = new Set<Promise<void>>();

  /** `create` makes undici's Pool: passed in, because the package is loaded only when the ingress runs. */
  constructor(
    { create, log }: { create: (origin: string, options: Pool.Options) => Pool; log: Logger },
    options: UpstreamPoolsOptions,
  ) {
    this.#create = create;
    this.#log = log;
    this.#options = options;
  }

  get size(): number {
    return this.#pools.size;
  }

  get draining(): number {
    return this.#draining.size;
  }

  /** Throws when the request itself cannot be sent (a header or path that HTTP does not allow). */
  dispatch(endpoint: IngressEndpoint, request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const origin = endpointOrigin(endpoint);
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      const { connectTimeoutMs, idleTimeoutMs } = this.#options;
      pool = this.#create(origin, {
        pipelining: 1,
        connect: { timeout: connectTimeoutMs },
        headersTimeout: idleTimeoutMs,
        bodyTimeout: idleTimeoutMs,
        allowH2: false,
      });
      this.#pools.set(origin, pool);
    }
    pool.dispatch(request, handler);
  }

  /** Closes the pools of all other endpoints once the requests that they carry are done; those are not disturbed. */
  retain(endpoints: Iterable<IngressEndpoint>): void {
    const kept = new Set([...endpoints].map(endpointOrigin));
    for (const [origin, pool] of this.#pools) {
      if (kept.has(origin)) continue;
      this.#pools.delete(origin);
      const closed = pool
        .close()
        .catch((error: unknown) => this.#log.warn("Cannot close a pool", { origin, error: describeError(error) }))
        .finally(() => this.#draining.delete(closed));
      this.#draining.add(closed);
    }
  }

  /** Breaks off whatever is still under way. */
  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

export function endpointOrigin({ address, port }: IngressEndpoint): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
