import { VERSION } from "../lib/version.ts";
import type { Exchange } from "./http/exchange.ts";
import type { HealthCheck } from "./ports.ts";

const PROBES = ["healthz", "livez", "readyz"];

/** Answers /healthz, /livez, /readyz, each check below them, and /api/v1/health. None of them needs a token. */
export class Health {
  readonly #checks: readonly HealthCheck[];

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = [{ name: "ping", check: () => undefined }, ...checks];
  }

  /** True when the path was one of its own, and is answered. */
  async serve(exchange: Exchange): Promise<boolean> {
    if (exchange.path === "/api/v1/health") {
      await this.#summary(exchange);
      return true;
    }
    const [, probe = "", name, ...rest] = exchange.path.split("/");
    if (!PROBES.includes(probe) || rest.length > 0) return false;
    const one = this.#checks.filter((check) => check.name === name);
    if (name !== undefined && name !== "" && one.length === 0) return false;
    await this.#answer(exchange, probe, name ? one : this.#checks);
    return true;
  }

  async #answer(exchange: Exchange, probe: string, checks: readonly HealthCheck[]): Promise<void> {
    const excluded = new Set(exchange.query.getAll("exclude"));
    const results = checks
      .filter(({ name }) => !excluded.has(name))
      .map((check) => ({ name: check.name, problem: check.check() }));
    const healthy = results.every(({ problem }) => problem === undefined);
    // Reasons may tell about the inside of the node, and anyone may ask: they are named, not explained.
    const lines = results.map(({ name, problem }) =>
      problem === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
    );
    const verbose = exchange.query.has("verbose") || !healthy;
    const text = verbose ? `${lines.join("\n")}\n${probe} check ${healthy ? "passed" : "failed"}\n` : "ok";
    await exchange.send(healthy ? 200 : 500, text, "text/plain; charset=utf-8");
  }

  async #summary(exchange: Exchange): Promise<void> {
    const failed = this.#checks.filter((check) => check.check() !== undefined).map(({ name }) => name);
    const status = failed.length === 0 ? "ok" : "failed";
    await exchange.sendJson(failed.length === 0 ? 200 : 500, { status, version: VERSION, failed });
  }
}
