import type { Container, Probe } from "../../api/kinds.ts";
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import type { Prober } from "../ports.ts";
import { RuntimeError, type Runtime } from "../runtime-port.ts";
import { probeCheck } from "./probe-check.ts";
import { countProbe, NO_RESULTS } from "./probe-count.ts";

export type ProbeName = "Startup" | "Readiness" | "Liveness";

export interface ProbeResults {
  /** A threshold was reached. */
  verdict(probe: ProbeName, ok: boolean): void;
  failed(probe: ProbeName, message: string): void;
  /** The probe could not be run, which says nothing about the container. */
  errored(probe: ProbeName, message: string): void;
  /** The startup probe has passed, or there is none. */
  started(): boolean;
}

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

/**
 * A container that has just started is asked early and often, so that it is ready the moment it can be: these first
 * failures are not counted. The delay doubles from here, for one period of the probe at most.
 */
const EAGER_MS = 50;

interface ProbeDeps {
  readonly runtime: Runtime;
  readonly prober: Prober;
  readonly clock: Clock;
}

/** Runs the probes of one running container until `signal` is aborted. */
export async function runProbes(
  deps: ProbeDeps,
  { target, results, signal }: { target: ProbeTarget; results: ProbeResults; signal: AbortSignal },
): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = target.container;
  const run = (name: ProbeName, probe: Probe): Promise<void> => loop(deps, { name, probe, target, results, signal });
  try {
    if (startupProbe && !results.started()) await run("Startup", startupProbe);
    if (!results.started()) return;
    await Promise.all([
      ...(readinessProbe ? [run("Readiness", readinessProbe)] : []),
      ...(livenessProbe ? [run("Liveness", livenessProbe)] : []),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

interface ProbeLoop {
  readonly name: ProbeName;
  readonly probe: Probe;
  readonly target: ProbeTarget;
  readonly results: ProbeResults;
  readonly signal: AbortSignal;
}

async function loop(deps: ProbeDeps, { name, probe, target, results, signal }: ProbeLoop): Promise<void> {
  const { clock } = deps;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const initialMs = (probe.initialDelaySeconds ?? 0) * 1000;
  if (initialMs > 0) await clock.sleep(initialMs, signal);
  const eagerUntil = clock.monotonic() + (initialMs === 0 && name !== "Liveness" ? periodMs : 0);
  let eagerMs = EAGER_MS;
  let count = NO_RESULTS;
  for (;;) {
    const result = await once(deps, { probe, target, signal });
    const eagerLeft = eagerUntil - clock.monotonic();
    if (!("ok" in result && result.ok) && eagerLeft > 0) {
      await clock.sleep(Math.min(eagerMs, eagerLeft), signal);
      eagerMs *= 2;
      continue;
    }
    if ("error" in result) results.errored(name, result.error);
    else {
      const next = countProbe(count, result.ok, probe);
      count = next.count;
      if (!result.ok) results.failed(name, result.message);
      if (next.verdict !== undefined) results.verdict(name, next.verdict);
      if (name === "Startup" && next.verdict !== undefined) return;
    }
    await clock.sleep(periodMs, signal);
  }
}

type ProbeOutcome = { readonly ok: boolean; readonly message: string } | { readonly error: string };

async function once(
  { runtime, prober }: ProbeDeps,
  { probe, target, signal }: Pick<ProbeLoop, "probe" | "target" | "signal">,
): Promise<ProbeOutcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) {
      const command = probe.exec.command ?? [];
      const { exitCode, output } = await runtime.exec(target.containerId, { command, timeoutMs }, signal);
      return { ok: exitCode === 0, message: output.trim() };
    }
    const check = probeCheck(probe, target.container, target.podIp);
    if (!check) return { ok: true, message: "" };
    return await prober.probe(check, timeoutMs, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RuntimeError && error.code === "timeout") return { ok: false, message: error.message };
    return { error: describeError(error) };
  }
}
