import type { Pod } from "../../api/kinds.ts";
import { isFinished } from "../../api/pod-state.ts";
import { describeError } from "../../lib/log.ts";
import { runProbes } from "../probes/container-probes.ts";
import type { ContainerExit, ObservedSandbox } from "../runtime-port.ts";
import { Wake } from "../../lib/wake.ts";
import { adopt, unknownEnd } from "./adopt.ts";
import { noticeImages } from "./changed-image.ts";
import { keepExit, keepExits } from "./stop/keep-exit.ts";
import { withRetry } from "./stop/container-end.ts";
import { letGo, releasePod, removeSandbox, rewind } from "./stop/end-pod.ts";
import { graceOf } from "./stop/grace.ts";
import { guardVolumes } from "./start/guard-volumes.ts";
import { Jobs } from "./jobs.ts";
import { makeSandbox } from "./start/make-sandbox.ts";
import { nextStep, type DesiredPod, type Step } from "./next-step.ts";
import { emit, placementOf, podLabel, specOf, type PodContext, type WorkerDeps } from "./pod-context.ts";
import { newPodState, type ContainerState, type PodState, type Termination } from "./pod-state.ts";
import { podStatus } from "./status/pod-status.ts";
import { tellBackOff } from "./tell-back-off.ts";
import { tellShortcomings, tellUnsupported } from "./limits/tell-limits.ts";
import { probeResults } from "./status/probe-results.ts";
import { startContainer } from "./start/start-container.ts";
import { StatusPublisher } from "./status/status-publisher.ts";
import { stopContainer, terminatePod } from "./stop/stop-containers.ts";
import type { PodVolume } from "../volumes/pod-volumes.ts";

/** After a job that failed in a way nobody foresaw. */
const RETRY_JOB_MS = 1000;

/**
 * Brings one pod from what is to what is wanted, one step after the other. Slow steps are jobs: they run beside the
 * loop, marked as busy in the state, so that a deletion or a probe is never held up by a pull.
 */
export class PodWorker {
  readonly uid: string;
  readonly state: PodState;
  readonly #deps: WorkerDeps;
  readonly #wake: Wake;
  readonly #jobs: Jobs;
  readonly #endings = new Map<ContainerState, (() => void)[]>();
  readonly #probes = new Map<ContainerState, AbortController>();
  /** Ends what starts containers, once the pod is to end. */
  readonly #starting = new AbortController();
  readonly #context: PodContext;
  #publisher: StatusPublisher | undefined;
  #volumes: Promise<ReadonlyMap<string, PodVolume>> | undefined;
  #pod: Pod;
  #gone = false;
  #finished = false;
  /** By when its containers are to be killed, once they are being stopped. */
  #deadline: number | undefined;
  #sandboxFailures = 0;
  #stopped: AbortSignal | undefined;

  constructor(deps: WorkerDeps, pod: Pod) {
    this.#deps = deps;
    this.#pod = pod;
    this.uid = pod.metadata?.uid ?? "";
    this.state = newPodState(pod);
    this.#wake = new Wake(deps.clock);
    this.#context = this.#makeContext();
    this.#jobs = new Jobs({ failed: (error) => this.#jobFailed(error), ended: () => this.#changed() });
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The object has changed. */
  update(pod: Pod): void {
    const graceBefore = this.#grace();
    const told = JSON.stringify([this.#pod.metadata?.labels, this.#pod.metadata?.annotations]);
    this.#pod = pod;
    if (told !== JSON.stringify([pod.metadata?.labels, pod.metadata?.annotations])) this.sourcesChanged();
    if (this.state.busy === "terminating" && this.#grace() < Math.min(graceBefore, 2)) this.#killNow();
    this.#changed();
  }

  /** The object is gone from the store: a tombstone of this very uid. */
  gone(): void {
    this.#gone = true;
    if (this.state.busy === "terminating") this.#killNow();
    this.#changed();
  }

  /** A ConfigMap or Secret that the pod may use has changed. */
  sourcesChanged(): void {
    this.#volumes = undefined;
    if (!this.#publisher) return;
    for (const one of this.state.containers) {
      if (one.waiting?.reason === "CreateContainerConfigError") one.retryAt = 0;
    }
    if (!this.state.sandbox) this.state.retryAt = 0;
    else this.#jobs.run(async () => void (await this.#prepareVolumes()));
    this.#wake.ring();
  }

  /** Runs until the pod has ended and is let go of, or until the agent stops; containers go on then. */
  async run(found: readonly ObservedSandbox[], signal: AbortSignal): Promise<void> {
    this.#stopped = signal;
    this.#publisher = new StatusPublisher(
      {
        ...this.#deps,
        current: () => (this.#gone ? undefined : this.#deps.objects.get("Pod", this.#ref())),
        status: (pod) => podStatus(pod, this.state, { hostIp: this.#deps.node.hostIp, now: this.#deps.clock.now() }),
      },
      signal,
    );
    await this.#begin(found, signal);
    this.#jobs.run(() => guardVolumes(this.#context, this.#starting.signal));
    while (!signal.aborted && !this.#finished) {
      const step = nextStep(this.#desired(), this.state, this.#deps.clock.now());
      if (step.type === "wait") {
        const ms = step.until === undefined ? undefined : Math.max(1, step.until - this.#deps.clock.now());
        await this.#wake.sleep(ms, signal);
      } else this.#execute(step, signal);
    }
    this.#starting.abort(new Error("the worker ends"));
    for (const probes of this.#probes.values()) probes.abort(new Error("the worker ends"));
    await this.#jobs.settled();
  }

  exited(containerId: string, exit: ContainerExit): void {
    const one = this.state.containers.find(({ id }) => id === containerId);
    if (!one || one.ended) return;
    this.#jobs.run(async () => {
      const end = await keepExit(this.#context, one, { containerId, exit, attempt: one.attempts - 1 });
      if (one.id === containerId) this.#end(one, end);
    });
  }

  removed(containerId: string): void {
    const one = this.state.containers.find(({ id }) => id === containerId);
    if (!one) return;
    // An ending that is still on its way comes first.
    this.#jobs.run(async () => {
      await this.#context.ended(one, 500);
      if (one.id !== containerId) return;
      if (!one.ended) this.#end(one, unknownEnd(containerId, one.runningSince, this.#deps.clock.now()));
      one.id = undefined;
    });
  }

  sandboxStopped(sandboxId: string): void {
    if (this.state.sandbox === undefined || this.state.busy === "removing") return;
    if (sandboxId !== "" && this.state.sandbox.id !== sandboxId) return;
    this.state.sandboxAlive = false;
    this.#changed();
  }

  /** A full look at what exists, begun at `since`: finds what no event told. */
  observe(sandboxes: readonly ObservedSandbox[], since: number): void {
    const { state } = this;
    const sandbox = sandboxes.find(({ id }) => id === state.sandbox?.id);
    if (state.sandbox && state.sandboxMadeAt < since && !sandbox?.running) this.sandboxStopped(state.sandbox.id);
    for (const one of state.containers) {
      if (one.id === undefined || one.madeAt >= since || one.ended) continue;
      const seen = sandbox?.containers.find(({ id }) => id === one.id);
      if (seen?.exit) this.exited(one.id, seen.exit);
      else if (!seen) this.removed(one.id);
    }
  }

  async #begin(found: readonly ObservedSandbox[], signal: AbortSignal): Promise<void> {
    const { clock, runtime } = this.#deps;
    const exits = await keepExits(this.#context, found.at(-1)?.containers ?? []);
    const leftovers = adopt(this.#pod, this.state, { sandboxes: found, exits, now: clock.now() });
    const finished = isFinished(this.#pod);
    if (!finished) this.state.startedAt ??= clock.now();
    if (!this.state.sandbox && !this.#ending()) rewind(this.#context);
    if (found.length === 0) tellShortcomings(this.#context);
    tellUnsupported(this.#context);
    this.#jobs.run(async () => {
      for (const id of leftovers.containers) await runtime.removeContainer(id, signal);
      for (const id of leftovers.sandboxes) await runtime.removeSandbox(id, signal);
    });
    if (this.state.sandboxAlive && !this.#pod.spec?.hostNetwork) this.#podJob("sandbox", () => this.#reattach());
    for (const one of this.state.containers) if (one.runningSince !== undefined) this.#supervise(one);
    // Address and volumes of one that has ended are given back, maybe again: the agent may have ended before it did.
    if (!finished) this.#publisher?.mark();
  }

  async #reattach(): Promise<void> {
    const { network } = this.#deps;
    const { name = "", namespace = "default" } = this.#pod.metadata ?? {};
    const { ip } = await network.attach({ uid: this.uid, namespace, name });
    this.state.ip = ip;
    // The agent may have stopped between the sandbox's start and this.
    if (this.state.containers.every(({ id }) => id === undefined)) await network.started(this.uid);
  }

  #execute(step: Exclude<Step, { type: "wait" }>, signal: AbortSignal): void {
    switch (step.type) {
      case "createSandbox":
        return this.#podJob("sandbox", () => this.#createSandbox());
      case "initialized":
        this.state.initialized = true;
        return this.#publisher?.mark();
      case "start": {
        const one = this.#container(step.container);
        return this.#containerJob(one, "starting", () => startContainer(this.#context, one, this.#starting.signal));
      }
      case "backOff":
        tellBackOff(this.#context, this.#container(step.container));
        return this.#publisher?.mark();
      case "stop": {
        const one = this.#container(step.container);
        const graceSeconds = this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
        return this.#containerJob(one, "stopping", () =>
          stopContainer(this.#context, one, { graceSeconds, why: step.why, signal }),
        );
      }
      case "evict":
        this.state.evicted = { reason: step.reason, message: step.message };
        emit(this.#context, { type: "Normal", reason: step.reason, message: step.message });
        return this.#publisher?.mark();
      case "terminate":
        return this.#podJob("terminating", async () => {
          const until = this.#deps.clock.now() + this.#grace() * 1000;
          this.#deadline = await this.#deps.directory.keepDeadline(this.uid, until);
          await terminatePod(this.#context, this.#grace(), signal);
        });
      case "removeSandbox":
        return this.#podJob("removing", () => removeSandbox(this.#context, this.#ending(), signal));
      case "release":
        return this.#podJob("releasing", () => releasePod(this.#context));
      case "letGo":
        return this.#podJob("releasing", async () => {
          await letGo(this.#context, this.#gone);
          this.#finished = true;
        });
    }
  }

  async #createSandbox(): Promise<void> {
    const made = await makeSandbox(this.#context, this.#sandboxFailures, this.#starting.signal);
    this.#sandboxFailures = made ? 0 : this.#sandboxFailures + 1;
    // What the old sandbox refused while it went away, the new one may take.
    for (const one of this.state.containers) {
      if (one.waiting?.reason === "CreateContainerError") one.retryAt = 0;
    }
  }

  /** Deleted with no grace while it is being stopped with some. */
  #killNow(): void {
    const { sandbox } = this.state;
    if (sandbox) this.#jobs.run(() => this.#deps.runtime.removeSandbox(sandbox.id, new AbortController().signal));
  }

  #end(one: ContainerState, end: Termination): void {
    if (one.ended) return;
    one.runningSince = undefined;
    one.ready = false;
    one.started = false;
    one.ended = withRetry(one, end, this.#restartPolicy());
    if (one.ended.retry) {
      one.crash = one.ended.retry;
      one.retryAt = one.ended.retry.until;
    }
    this.#probes.get(one)?.abort(new Error("the container has ended"));
    this.#probes.delete(one);
    for (const resolve of this.#endings.get(one) ?? []) resolve();
    this.#endings.delete(one);
    this.#changed();
  }

  #lose(one: ContainerState): void {
    this.#end(one, unknownEnd(one.id ?? "", one.runningSince, this.#deps.clock.now()));
  }

  #supervise(one: ContainerState): void {
    if (one.kind === "init") return this.#changed();
    const container = specOf(this.#context, one);
    const podIp = placementOf(this.#context).podIp;
    const ended = new AbortController();
    this.#probes.set(one, ended);
    const target = { container, containerId: one.id ?? "", podIp };
    const results = probeResults(this.#context, one, container);
    this.#jobs.run(() => runProbes(this.#deps, { target, results, signal: ended.signal }));
    this.#changed();
  }

  #podJob(busy: NonNullable<PodState["busy"]>, work: () => Promise<void>): void {
    this.state.busy = busy;
    this.#jobs.run(async () => {
      try {
        await work();
      } catch (error) {
        this.state.retryAt = this.#deps.clock.now() + RETRY_JOB_MS;
        if (busy !== "sandbox") await this.#deps.clock.sleep(RETRY_JOB_MS);
        throw error;
      } finally {
        this.state.busy = undefined;
      }
    });
  }

  #containerJob(one: ContainerState, busy: NonNullable<ContainerState["busy"]>, work: () => Promise<void>): void {
    one.busy = busy;
    this.#jobs.run(async () => {
      try {
        await work();
      } catch (error) {
        one.retryAt = Math.max(one.retryAt, this.#deps.clock.now() + RETRY_JOB_MS);
        throw error;
      } finally {
        one.busy = undefined;
      }
    });
  }

  #jobFailed(error: unknown): void {
    const { aborted, reason } = this.#starting.signal;
    if (aborted && (error === reason || this.#stopped?.aborted)) return;
    this.#deps.log.warn("A pod's step failed", { pod: podLabel(this.#context), error: describeError(error) });
  }

  #changed(): void {
    noticeImages(this.#pod, this.state);
    if (this.#ending() && !this.#starting.signal.aborted) this.#starting.abort(new Error("the pod ends"));
    this.#publisher?.mark();
    this.#wake.ring();
  }

  #makeContext(): PodContext {
    return {
      deps: this.#deps,
      state: this.state,
      uid: this.uid,
      pod: () => this.#pod,
      volumes: () => (this.#volumes ??= this.#prepareVolumes()),
      changed: () => this.#changed(),
      running: (one) => this.#supervise(one),
      lost: (one) => this.#lose(one),
      flush: async () => this.#publisher?.flush(),
      ended: async (one, timeoutMs) => {
        if (one.ended) return true;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#endings.set(one, [...(this.#endings.get(one) ?? []), resolve]);
        const cancel = this.#deps.clock.timer(timeoutMs, resolve);
        await promise;
        cancel();
        return one.ended !== undefined;
      },
    };
  }

  async #prepareVolumes(): Promise<ReadonlyMap<string, PodVolume>> {
    try {
      return await this.#deps.volumes.prepare(this.#pod, placementOf(this.#context));
    } catch (error) {
      this.#volumes = undefined;
      throw error;
    }
  }

  #desired(): DesiredPod {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    const { startedAt } = this.state;
    return {
      restartPolicy: this.#restartPolicy(),
      terminating: this.#gone || this.#pod.metadata?.deletionTimestamp !== undefined,
      deadlineAt: seconds === undefined || startedAt === undefined ? undefined : startedAt + seconds * 1000,
    };
  }

  #ending(): boolean {
    return this.#desired().terminating || this.state.evicted !== undefined;
  }

  #restartPolicy(): string {
    return this.#pod.spec?.restartPolicy ?? "Always";
  }

  /** Seconds that a container has between the stop signal and SIGKILL. */
  #grace(): number {
    return graceOf(this.#pod, { gone: this.#gone, deadline: this.#deadline, now: this.#deps.clock.now() });
  }

  #container(name: string): ContainerState {
    const found = this.state.containers.find((one) => one.name === name);
    if (!found) throw new Error(`Cannot find container ${name}: the pod has none of that name`);
    return found;
  }

  #ref() {
    const { namespace, name = "" } = this.#pod.metadata ?? {};
    return { namespace, name, uid: this.uid };
  }
}
