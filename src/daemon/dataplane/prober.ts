import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import type { ProbeCheck } from "../../runtime/ports.ts";
import { probeGrpc } from "./grpc-probe.ts";
import type { ProbeResult } from "./probe-result.ts";
import { probeHttp } from "./http-probe.ts";
import { probeTcp } from "./tcp-probe.ts";

/** Runs probes, so many at a time; the others wait, and their time limit begins when they start. */
export class LimitedProber {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ clock }: { clock: Clock }, { limit = 128 }: { limit?: number } = {}) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Never rejects: no answer is a failed probe too. */
  async probe(
    check: ProbeCheck,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<ProbeResult> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    const over = new AbortController();
    const cancel = this.#clock.timer(timeoutMs, () => over.abort(new Error(`no answer within ${timeoutMs / 1000} s`)));
    const either = AbortSignal.any([over.signal, signal]);
    try {
      either.throwIfAborted();
      return await run(check, either);
    } catch (error) {
      const why = either.aborted ? (either.reason as unknown) : error;
      return { ok: false, message: `${check.type} probe of ${check.host}:${check.port}: ${describeError(why)}` };
    } finally {
      cancel();
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

function run(check: ProbeCheck, signal: AbortSignal): Promise<ProbeResult> {
  if (check.type === "http") return probeHttp(check, signal);
  if (check.type === "tcp") return probeTcp(check, signal);
  return probeGrpc(check, signal);
}
