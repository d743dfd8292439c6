import type { DnsServer, DnsServerOptions } from "../../dns/dns-server.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { Wake } from "../../lib/wake.ts";
import type { DataplaneState } from "./protocol.ts";

type DnsState = NonNullable<DataplaneState["dns"]>;

export interface DnsHostDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly create: (options: Pick<DnsServerOptions, "listen" | "onListening">) => DnsServer;
}

/** From how many attempts in a row it is worth a line in the log. */
const TELLING_FAILURES = 30;

interface Running {
  readonly server: DnsServer;
  readonly listen: DnsState["listen"];
  readonly stop: AbortController;
}

/**
 * Runs the DNS server where the state says. The addresses are the pod bridge's, which appears after this process has
 * started and disappears when somebody removes it, so a server that cannot listen is tried again.
 */
export class DnsHost {
  readonly #deps: DnsHostDeps;
  readonly #retryMs: number;
  #state: DnsState | undefined;
  #running: Running | undefined;
  readonly #wake: Wake;

  constructor(deps: DnsHostDeps, { retryMs = 100 }: { retryMs?: number } = {}) {
    this.#deps = deps;
    this.#retryMs = retryMs;
    this.#wake = new Wake(deps.clock);
  }

  apply(state: DnsState | undefined): void {
    this.#state = state;
    const running = this.#running;
    if (running !== undefined && state !== undefined && sameListen(running.listen, state.listen)) {
      running.server.apply(state.snapshot);
      return;
    }
    running?.stop.abort();
    this.#wake.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps;
    const stopAll = (): void => this.#running?.stop.abort();
    signal.addEventListener("abort", stopAll);
    let failures = 0;
    while (!signal.aborted) {
      const state = this.#state;
      if (state === undefined) {
        await this.#wake.sleep(undefined, signal);
        continue;
      }
      try {
        await this.#serve(state);
        failures = 0;
      } catch (error) {
        failures += 1;
        // At the node's start the bridge may need a moment.
        if (failures === TELLING_FAILURES) logger.warn("DNS is not served yet", { error, listen: state.listen });
        await this.#wake.sleep(this.#retryMs, signal);
      }
    }
    signal.removeEventListener("abort", stopAll);
  }

  async #serve({ listen, snapshot }: DnsState): Promise<void> {
    const { create, logger } = this.#deps;
    const server = create({ listen, onListening: () => logger.info("DNS is served", { listen }) });
    const stop = new AbortController();
    server.apply(snapshot);
    this.#running = { server, listen, stop };
    try {
      await server.run(stop.signal);
    } finally {
      this.#running = undefined;
    }
  }
}

function sameListen(one: DnsState["listen"], other: DnsState["listen"]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
