import type { Worker } from "node:worker_threads";
import { startWorker } from "../lib/worker-entry.ts";
import type { MemberView, Report } from "./protocol/effects.ts";
import type { Call, MembershipConfig, WorkerAnswer, WorkerRequest } from "./worker-messages.ts";

/** What is short-lived here is small, and room for more of it would be kept. Long-lived memory has V8's own limit. */
const LIMITS = { maxYoungGenerationSizeMb: 2 };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The port that the worker should bind is another one's. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
}

/** The membership's worker, as promises. */
export class WorkerCalls {
  /** Resolves with undefined when it was stopped, with the reason when it ended by itself. */
  readonly ended: Promise<Error | undefined>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onReport: (report: Report) => void;
  /** Whether the worker listens; reports may come at once after it. */
  readonly #first: Promise<Extract<WorkerAnswer, { kind: "ready" | "not-ready" }>>;
  #nextId = 0;
  #stopping = false;
  /** Why nothing answers any more. */
  #gone: Error | undefined;

  private constructor(worker: Worker, onReport: (report: Report) => void) {
    this.#worker = worker;
    this.#onReport = onReport;
    this.#first = new Promise((resolve) => {
      worker.on("message", (message: WorkerAnswer) => {
        if (message.kind === "ready" || message.kind === "not-ready") resolve(message);
        else this.#hear(message);
      });
    });
    this.ended = new Promise((resolve) => {
      worker.once("error", (error) => resolve(error as Error));
      worker.once("exit", (code) => resolve(this.#stopping ? undefined : new Error(`it ended with code ${code}`)));
    });
    void this.ended.then((error) => this.#fail(error ?? new Error("membership has stopped")));
  }

  /** Resolves once the worker listens, with the members that it knows. */
  static async start(
    config: MembershipConfig,
    onReport: (report: Report) => void,
  ): Promise<{ calls: WorkerCalls; members: readonly MemberView[] }> {
    const worker = startWorker("membership/membership-thread", { workerData: config, resourceLimits: LIMITS });
    const calls = new WorkerCalls(worker, onReport);
    const failed = calls.ended.then((error) => Promise.reject(error ?? new Error("it ended")));
    const first = await Promise.race([calls.#first, failed]);
    if (first.kind === "ready") return { calls, members: first.members };
    calls.#stopping = true;
    await worker.terminate();
    const why = `Cannot start membership: ${first.why}`;
    throw first.portTaken ? new PortTakenError(why) : new Error(why);
  }

  call(call: Call): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    if (this.#gone) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call } satisfies WorkerRequest);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#worker.postMessage({ id: -1, call: { kind: "stop" } } satisfies WorkerRequest);
    await this.ended;
  }

  #hear(message: Extract<WorkerAnswer, { kind: "report" | "done" | "failed" }>): void {
    if (message.kind === "report") return this.#onReport(message.report);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "done") waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.why));
  }

  #fail(error: Error): void {
    this.#gone = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
