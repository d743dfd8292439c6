import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "../../api/kinds.ts";
import type { Clock } from "../../lib/clock.ts";
import { MemoryRuntime } from "../memory/memory-runtime.ts";
import { runProbes } from "./container-probes.ts";

interface Probed {
  /** What was told, each with the second in which it was. */
  readonly told: readonly string[];
  readonly tries: number;
}

/** Runs a container's probes for some seconds of a clock that moves only by waiting; each try takes `takesMs` and fails. */
async function probed(container: Omit<Container, "name">, { seconds, takesMs }: { seconds: number; takesMs: number }) {
  let ms = 0;
  let tries = 0;
  const told: string[] = [];
  const stop = new AbortController();
  const pass = (by: number): void => {
    ms += by;
    if (ms >= seconds * 1000) stop.abort(new Error("the test ends"));
  };
  const clock: Clock = {
    now: () => ms,
    monotonic: () => ms,
    timer: () => () => {},
    sleep: async (by) => {
      pass(by);
      stop.signal.throwIfAborted();
    },
  };
  const prober = {
    probe: async () => {
      tries += 1;
      pass(takesMs);
      stop.signal.throwIfAborted();
      return { ok: false, message: "no answer" };
    },
  };
  const tell = (text: string): void => void told.push(`${Math.floor(ms / 1000)}: ${text}`);
  await runProbes(
    { runtime: new MemoryRuntime({ clock, behave: () => ({}) }), prober, clock },
    {
      target: { container: { name: "main", ...container }, containerId: "id", podIp: "10.0.0.2" },
      results: {
        started: () => container.startupProbe === undefined,
        failed: (probe, message) => tell(`${probe} failed: ${message}`),
        errored: (probe, message) => tell(`${probe} errored: ${message}`),
        verdict: (probe, ok) => tell(`${probe} is ${ok}`),
      },
      signal: stop.signal,
    },
  );
  const outcome: Probed = { told, tries };
  return outcome;
}

test("a container is asked often in the first period, and what fails then is not told", async () => {
  const { told, tries } = await probed(
    { readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 2 } },
    { seconds: 4, takesMs: 1 },
  );
  assert.ok(tries > 4, `${tries} tries`);
  assert.deepEqual(told, ["2: Readiness failed: no answer"]);
});

test("tries that take long are told after the first period all the same", async () => {
  const probe = { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 2 };
  const { told } = await probed({ readinessProbe: probe }, { seconds: 5, takesMs: 1000 });
  assert.deepEqual(told.slice(0, 3), [
    "1: Readiness failed: no answer",
    "3: Readiness failed: no answer",
    "3: Readiness is false",
  ]);
});

test("a liveness probe waits for no first period", async () => {
  const probe = { tcpSocket: { port: 80 }, periodSeconds: 10, failureThreshold: 1 };
  const { told } = await probed({ livenessProbe: probe }, { seconds: 5, takesMs: 1 });
  assert.deepEqual(told, ["0: Liveness failed: no answer", "0: Liveness is false"]);
});

test("a probe that cannot be run says so, and nothing about the container", async () => {
  const probe = { httpGet: { port: "nosuch" }, periodSeconds: 1 };
  const { told } = await probed({ readinessProbe: probe }, { seconds: 3, takesMs: 1 });
  assert.ok(told.length >= 2, told.join());
  for (const line of told) assert.match(line, /Readiness errored: container main has no port named "nosuch"/);
});
