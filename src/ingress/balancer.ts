import type { IngressEndpoint } from "./snapshot.ts";

/** Chooses where a request goes. Other policies (weights, least connections, sessions) implement this. */
export interface Balancer {
  /** One of `endpoints` that is not in `tried`; undefined when all were tried. */
  pick(
    backend: string,
    endpoints: readonly IngressEndpoint[],
    tried: ReadonlySet<IngressEndpoint>,
  ): IngressEndpoint | undefined;
  /** Forgets backends that are not in this set. */
  retain(backends: ReadonlySet<string>): void;
}

/** Takes turns: among this node's own endpoints while one of them is left to try, then among the others. */
export class RoundRobin implements Balancer {
  readonly #turns = new Map<string, number>();

  pick(
    backend: string,
    endpoints: readonly IngressEndpoint[],
    tried: ReadonlySet<IngressEndpoint>,
  ): IngressEndpoint | undefined {
    const untried = tried.size === 0 ? endpoints : endpoints.filter((endpoint) => !tried.has(endpoint));
    const local = untried.filter((endpoint) => endpoint.local);
    const candidates = local.length > 0 ? local : untried;
    if (candidates.length === 0) return undefined;
    const turn = this.#turns.get(backend) ?? 0;
    this.#turns.set(backend, (turn + 1) >>> 0);
    return candidates[turn % candidates.length];
  }

  retain(backends: ReadonlySet<string>): void {
    for (const backend of this.#turns.keys()) if (!backends.has(backend)) this.#turns.delete(backend);
  }
}
