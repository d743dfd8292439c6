import { Pool } from "undici";
import { systemClock } from "../../src/lib/clock.ts";
import { startChild } from "../support/child.ts";
import { type Bench, median, type Result } from "../support/row.ts";

const CLIENTS = 32;
const SECONDS = 2;
const LARGE_BYTES = 1024 * 1024;
const CHILDREN = new URL("../support/ingress-children.ts", import.meta.url);

/**
 * Against the least proxy that node:http can be, with 500 routes. With client, proxy and upstream busy on two cores a
 * proxied rate is at most about two thirds of the direct one.
 */
export const ingress: Bench = {
  name: "ingress",
  meaning: "requests through the ingress against the least proxy and the upstream itself",
  run: async () => {
    const upstream = await startChild(CHILDREN, "upstream");
    const [ours, least] = await Promise.all([
      startChild(CHILDREN, "ingress", String(upstream.port)),
      startChild(CHILDREN, "least", String(upstream.port)),
    ]);
    try {
      const results: Result[] = [];
      for (const [path, what] of [
        ["/", "small answers"],
        ["/large", "1 MiB answers"],
      ] as const) {
        const direct = await measure(upstream.port, path);
        const other = await measure(least.port, path);
        const own = await measure(ours.port, path);
        results.push(
          {
            row: `ingress: ${what}`,
            unit: "/s",
            ours: own.rate,
            reference: { name: "least proxy", value: other.rate },
          },
          {
            row: `ingress: ${what}`,
            unit: "/s",
            ours: own.rate,
            reference: { name: "upstream itself", value: direct.rate },
          },
          {
            row: `ingress: ${what}, median time`,
            unit: "ms",
            ours: own.medianMs,
            reference: { name: "least proxy", value: other.medianMs },
          },
        );
      }
      return results;
    } finally {
      for (const child of [ours, least, upstream]) child.stop();
    }
  },
};

interface Measured {
  readonly rate: number;
  readonly medianMs: number;
}

async function measure(port: number, path: string): Promise<Measured> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CLIENTS, pipelining: 1 });
  const times: number[] = [];
  const started = systemClock.monotonic();
  const client = async (): Promise<void> => {
    while (systemClock.monotonic() < started + SECONDS * 1000) {
      const before = systemClock.monotonic();
      const { statusCode, body } = await pool.request({ path, method: "GET", headers: { host: "h250.test" } });
      if (statusCode !== 200) throw new Error(`Cannot measure: the answer was ${statusCode}`);
      await body.dump({ limit: LARGE_BYTES * 2 });
      times.push(systemClock.monotonic() - before);
    }
  };
  await Promise.all(Array.from({ length: path === "/large" ? 4 : CLIENTS }, client));
  const elapsed = systemClock.monotonic() - started;
  await pool.close();
  return { rate: (times.length / elapsed) * 1000, medianMs: median(times) };
}
