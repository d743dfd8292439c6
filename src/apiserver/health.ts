import { VERSION } from "../lib/version.ts";
import type { Exchange } from "./http/exchange.ts";
import type { HealthCheck } from "./ports.ts";

const PROBES = ["healthz", "livez", "readyz"];

const PING: HealthCheck = { name: "ping", of: "api", check: () => undefined };

/**
 * Answers /healthz, /livez, /readyz, each check below them, and /api/v1/health. None of them needs a token. As upstream's
 * they are about serving the API: a node whose Podman is down still answers, and load balancers must not take it out.
 */
export class Health {
  readonly #checks: readonly HealthCheck[];

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = [PING, ...checks];
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
    // A restart would mend nothing that is checked here: alive is who answers.
    const all = probe === "livez" ? [PING] : this.#checks.filter((check) => check.of === "api");
    await this.#answer(exchange, probe, name ? one : all);
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
    const failed = this.#checks.filter((check) => check.check() !== undefined);
    const serves = failed.every((check) => check.of === "node");
    const status = failed.length === 0 ? "ok" : serves ? "degraded" : "failed";
    const names = failed.map(({ name }) => name);
    await exchange.sendJson(serves ? 200 : 500, { status, version: VERSION, failed: names });
  }
}
