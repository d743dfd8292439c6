import { isFinished } from "../api/pod-state.ts";
import type { ObjectMeta, Pod } from "../api/kinds.ts";
import type { EventRecorder, Objects } from "../api/objects.ts";
import { describeError, type Logger } from "../lib/log.ts";
import type { Clock } from "../lib/clock.ts";
import { refusal, type Refusal } from "./admission/node-admission.ts";
import { ImagePuller } from "./images/image-puller.ts";
import { PodLogs } from "./logs/pod-logs.ts";
import { PodDirectory } from "./pod/pod-directory.ts";
import { ALL_ABILITIES, type HostAbilities } from "./pod/limits/host-limits.ts";
import type { NodeIdentity, WorkerDeps } from "./pod/pod-context.ts";
import { PodWorker } from "./pod/pod-worker.ts";
import type { EndpointDrain, PodNetwork, Prober } from "./ports.ts";
import type { Images, ObservedSandbox, Runtime, RuntimeChange } from "./runtime-port.ts";
import { usesSource } from "./volumes/source-uses.ts";
import { PodVolumes } from "./volumes/pod-volumes.ts";
import { Wake } from "../lib/wake.ts";

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface PodRuntimeDeps {
  readonly runtime: Runtime;
  readonly images: Images;
  readonly objects: Objects;
  readonly events: EventRecorder;
  readonly network: PodNetwork;
  readonly prober: Prober;
  readonly drain: EndpointDrain;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: NodeIdentity;
  /** Whether this node's copy of the store is complete: before that, a missing object means nothing. */
  readonly isSynced: () => boolean;
  /** What the host can enforce (`podman/host-abilities.ts`); everything when undefined. */
  readonly abilities?: HostAbilities;
  /** `cluster.local` when undefined. */
  readonly clusterDomain?: string;
}

export interface PodRuntimeOptions {
  /** On disk, survives a restart of the host: logs, exit codes, emptyDirs. */
  readonly dataDirectory: string;
  /** In memory: Secrets, files of ConfigMaps. */
  readonly memoryDirectory: string;
  readonly parallelPulls?: number;
  readonly maxPods?: number;
  /** How often a sandbox that belongs to no pod is looked at again. */
  readonly orphanCheckMs?: number;
}

/** Runs the pods that are bound to this node: one worker each. Stopping it disturbs no container. */
export class PodRuntime {
  readonly logs: PodLogs;
  readonly #deps: PodRuntimeDeps;
  readonly #workerDeps: WorkerDeps;
  readonly #maxPods: number;
  readonly #orphanCheckMs: number;
  readonly #workers = new Map<string, PodWorker>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #wake: Wake;
  #sandboxes: readonly ObservedSandbox[] | undefined;

  constructor(deps: PodRuntimeDeps, options: PodRuntimeOptions) {
    const { dataDirectory, memoryDirectory, parallelPulls = 3, maxPods = 110, orphanCheckMs = 10_000 } = options;
    this.#deps = deps;
    this.#maxPods = maxPods;
    this.#orphanCheckMs = orphanCheckMs;
    const directory = new PodDirectory(`${dataDirectory}/pods`);
    this.#workerDeps = {
      ...deps,
      abilities: deps.abilities ?? ALL_ABILITIES,
      clusterDomain: deps.clusterDomain ?? "cluster.local",
      directory,
      puller: new ImagePuller(deps, { parallel: parallelPulls }),
      volumes: new PodVolumes({
        ...deps,
        diskDirectory: `${dataDirectory}/volumes`,
        memoryDirectory: `${memoryDirectory}/volumes`,
      }),
    };
    this.#wake = new Wake(deps.clock);
    this.logs = new PodLogs({ directory, clock: deps.clock, run: (uid, name) => this.#runOf(uid, name) });
  }

  /** How many pods have a worker, for metrics. */
  get size(): number {
    return this.#workers.size;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { runtime, objects } = this.#deps;
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const watching = runtime.watch((change) => this.#take(change, both), both);
    try {
      // Nothing is decided before it is known what exists.
      while (!this.#sandboxes && !both.aborted) await this.#wake.sleep(undefined, both);
      if (both.aborted) return;
      for (const kind of ["ConfigMap", "Secret"] as const) {
        objects.watch(kind, ({ object }) => this.#sourceChanged(kind, object.metadata ?? {}), both);
      }
      objects.watch("Pod", ({ type, object }) => this.#podChanged(type, object, both), both);
      let swept = false;
      while (!both.aborted) {
        await this.#removeOrphans(both);
        if (!swept) swept = await this.#sweep();
        await this.#wake.sleep(this.#orphanCheckMs, both);
      }
    } finally {
      ended.abort(new Error("the pod runtime ends"));
      await watching;
      await Promise.allSettled(this.#running.values());
    }
  }

  #take(change: RuntimeChange, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (change.type === "snapshot") {
      this.#sandboxes = change.sandboxes;
      for (const worker of this.#workers.values()) worker.observe(this.#sandboxesOf(worker.uid), change.since);
      this.#wake.ring();
      return;
    }
    const worker = this.#workers.get(change.podUid);
    if (change.type === "exited") worker?.exited(change.containerId, change.exit);
    else if (change.type === "removed") worker?.removed(change.containerId);
    else worker?.sandboxStopped(change.sandboxId);
  }

  #podChanged(type: "ADDED" | "MODIFIED" | "DELETED", pod: Pod, signal: AbortSignal): void {
    const uid = pod.metadata?.uid ?? "";
    const worker = this.#workers.get(uid);
    if (type === "DELETED") return worker?.gone();
    if (pod.spec?.nodeName !== this.#deps.node.name) return worker?.gone();
    if (worker) return worker.update(pod);
    const refused = this.#isNew(pod) ? this.#refuse(pod) : undefined;
    if (refused) this.#own(uid, this.#reject(pod, refused, signal));
    else this.#startWorker(pod, signal);
  }

  /** A pod that has been admitted here before stays admitted: it has a status from this node, or a sandbox. */
  #isNew(pod: Pod): boolean {
    if (pod.metadata?.deletionTimestamp !== undefined || isFinished(pod)) return false;
    return pod.status?.startTime === undefined && this.#sandboxesOf(pod.metadata?.uid ?? "").length === 0;
  }

  #refuse(pod: Pod): Refusal | undefined {
    const { objects, node } = this.#deps;
    const admitted = [...this.#workers.values()].map((worker) => worker.pod).filter((other) => !isFinished(other));
    return refusal(pod, {
      node: objects.get("Node", { name: node.name }),
      allocatable: { ...node.allocatable, pods: this.#maxPods },
      admitted,
    });
  }

  async #reject(pod: Pod, { reason, message }: Refusal, signal: AbortSignal): Promise<void> {
    const { objects, events } = this.#deps;
    const { name = "", namespace, uid } = pod.metadata ?? {};
    const regarding = { kind: "Pod", apiVersion: "v1", namespace, name, uid };
    events.record({ regarding, type: "Warning", reason, message });
    signal.throwIfAborted();
    const { resourceVersion: _, ...metadata } = pod.metadata ?? {};
    const status = { ...pod.status, phase: "Failed", reason, message };
    await objects.updateStatus("Pod", { ...pod, metadata, status } as Pod);
  }

  #startWorker(pod: Pod, signal: AbortSignal): void {
    const worker = new PodWorker(this.#workerDeps, pod);
    this.#workers.set(worker.uid, worker);
    const running = worker.run(this.#sandboxesOf(worker.uid), signal);
    this.#own(
      worker.uid,
      running.then(() => this.#forget(worker.uid)).finally(() => this.#workers.delete(worker.uid)),
    );
  }

  /** What a worker has removed is no orphan, although the last look at Podman had seen it. */
  #forget(uid: string): void {
    this.#sandboxes = this.#sandboxes?.filter(({ pod }) => pod.uid !== uid);
  }

  #own(uid: string, work: Promise<void>): void {
    const owned = work
      .catch((error: unknown) => {
        this.#deps.log.error("A pod's worker failed", { uid, error: describeError(error) });
      })
      .finally(() => this.#running.delete(uid));
    this.#running.set(uid, owned);
  }

  #sourceChanged(kind: "ConfigMap" | "Secret", { namespace, name = "" }: ObjectMeta): void {
    for (const worker of this.#workers.values()) {
      if (worker.pod.metadata?.namespace === namespace && usesSource(worker.pod, kind, name)) worker.sourcesChanged();
    }
  }

  /** A sandbox goes only when the store is complete and has no pod of its uid. */
  async #removeOrphans(signal: AbortSignal): Promise<void> {
    const { objects, runtime, log, isSynced, network } = this.#deps;
    if (!isSynced()) return;
    for (const { id, pod } of this.#sandboxes ?? []) {
      if (this.#workers.has(pod.uid) || objects.get("Pod", pod)?.spec?.nodeName === this.#deps.node.name) continue;
      log.info("Removing what is left of a pod that was deleted", { pod: pod.name, namespace: pod.namespace });
      try {
        await runtime.removeSandbox(id, signal);
        await network.release(pod.uid);
        await this.#workerDeps.volumes.remove(pod.uid);
        await this.#workerDeps.directory.remove(pod.uid);
      } catch (error) {
        if (!signal.aborted)
          log.warn("Cannot remove a pod's leftovers", { pod: pod.name, error: describeError(error) });
        continue;
      }
      this.#sandboxes = this.#sandboxes?.filter((other) => other.id !== id);
    }
  }

  /**
   * Removes, once, the files of pods that are gone altogether: an agent that was killed between a pod's end and that of
   * its files leaves them, Secrets among them. False where it cannot be known yet what is gone.
   */
  async #sweep(): Promise<boolean> {
    const { objects, isSynced, log } = this.#deps;
    const { volumes, directory } = this.#workerDeps;
    try {
      // Looked at before the pods: what comes later has its pod.
      const uids = new Set([...(await volumes.uids()), ...(await directory.uids())]);
      if (!isSynced()) return false;
      const known = new Set(objects.list("Pod").map(({ metadata }) => metadata?.uid));
      for (const uid of uids) {
        if (!UID.test(uid) || known.has(uid) || this.#workers.has(uid) || this.#sandboxesOf(uid).length > 0) continue;
        log.info("Removing files of a pod that is gone", { uid });
        await volumes.remove(uid);
        await directory.remove(uid);
      }
    } catch (error) {
      log.warn("Cannot remove the files of pods that are gone", { error: describeError(error) });
    }
    return true;
  }

  #sandboxesOf(uid: string): readonly ObservedSandbox[] {
    return (this.#sandboxes ?? []).filter(({ pod }) => pod.uid === uid).sort((a, b) => a.attempt - b.attempt);
  }

  #runOf(uid: string, name: string): { attempt: number; running: boolean } | undefined {
    const one = this.#workers.get(uid)?.state.containers.find((container) => container.name === name);
    if (!one) return undefined;
    return { attempt: one.attempts - 1, running: one.ended === undefined };
  }
}
