import type { NodeReading } from "../../api/node-reading.ts";
import { isReason } from "../../api/api-error.ts";
import type { Kinds } from "../../api/kinds.ts";
import type { EventRecorder, Objects } from "../../api/objects.ts";
import { stored, type Stored } from "../../api/stored.ts";
import { microTimestamp, type Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import type { NodeFacts } from "./node-facts.ts";
import {
  nodeLabels,
  nodeStatus,
  relabelled,
  sameStatus,
  unreadable,
  type NodeIdentity,
  type NodeStatus,
} from "./node-object.ts";

/** Where upstream keeps heartbeats (`v1.NamespaceNodeLease`). */
const LEASE_NAMESPACE = "kube-node-lease";

export interface NodeReporterDeps {
  readonly objects: Objects;
  readonly facts: NodeFacts;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeReporterOptions {
  /** How often to look at the machine and to renew the lease. */
  heartbeatMs?: number;
  /** How long a lease is good for; upstream's 40 seconds. */
  leaseSeconds?: number;
  /** An unchanged status is written at most this often, as upstream does. */
  refreshMs?: number;
}

/** Registers this node and keeps its Node object and its Lease true. */
export class NodeReporter {
  readonly #deps: NodeReporterDeps;
  readonly #identity: NodeIdentity;
  readonly #heartbeatMs: number;
  readonly #leaseSeconds: number;
  readonly #refreshMs: number;
  #writtenAt = -Infinity;
  #ready: boolean | undefined;

  constructor(
    { identity, ...deps }: NodeReporterDeps & { readonly identity: NodeIdentity },
    { heartbeatMs = 10_000, leaseSeconds = 40, refreshMs = 300_000 }: NodeReporterOptions = {},
  ) {
    this.#deps = deps;
    this.#identity = identity;
    this.#heartbeatMs = heartbeatMs;
    this.#leaseSeconds = leaseSeconds;
    this.#refreshMs = refreshMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.report(signal);
        await this.#renew();
      } catch (error) {
        if (signal.aborted) return;
        this.#deps.logger.warn("Cannot report this node's state", { error: describeError(error) });
      }
      await pause(this.#deps.clock, this.#heartbeatMs, signal);
    }
  }

  /** Looks once and writes what has changed. */
  async report(signal: AbortSignal): Promise<void> {
    let reading: NodeReading | undefined;
    let why = "";
    try {
      reading = await this.#deps.facts.read(signal);
    } catch (error) {
      signal.throwIfAborted();
      why = `Cannot read this machine's state: ${describeError(error)}`;
      this.#deps.logger.warn(why);
    }
    const now = this.#deps.clock.now();
    const node = await this.#registered(reading);
    const next = reading ? nodeStatus(node.status, reading, now) : unreadable(node.status, why, now);
    const fresh = this.#deps.clock.monotonic() - this.#writtenAt < this.#refreshMs;
    if (fresh && sameStatus(node.status, next)) return;
    await this.#write(node, next);
    this.#tell(node, next);
  }

  /** The Node object with this machine's labels, made where there is none. */
  async #registered(reading: NodeReading | undefined): Promise<Stored<"Node">> {
    const { objects } = this.#deps;
    const { name } = this.#identity;
    const labels = reading ? nodeLabels(this.#identity, reading) : { ...this.#identity.labels };
    const known = objects.get("Node", { name });
    if (!known) {
      this.#writtenAt = -Infinity;
      const made = await objects.create("Node", { metadata: { name, labels }, spec: {} });
      this.#deps.recorder.record({
        regarding: { kind: "Node", apiVersion: "v1", name, uid: stored(made).metadata.uid },
        type: "Normal",
        reason: "Starting",
        message: "Starting the agent.",
      });
      return stored<"Node">(made);
    }
    const changed = relabelled(stored(known), labels);
    return stored<"Node">(changed ? await objects.update("Node", changed) : known);
  }

  async #write(node: Stored<"Node">, status: NodeStatus): Promise<void> {
    const { resourceVersion: _, ...metadata } = node.metadata;
    await this.#deps.objects.updateStatus("Node", { ...node, metadata, status });
    this.#writtenAt = this.#deps.clock.monotonic();
  }

  /** An Event for each change of readiness, in upstream's words. */
  #tell(node: Stored<"Node">, status: NodeStatus): void {
    const condition = status.conditions?.find(({ type }) => type === "Ready");
    const ready = condition?.status === "True";
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#deps.recorder.record({
      regarding: { kind: "Node", apiVersion: "v1", name: node.metadata.name, uid: node.metadata.uid },
      type: ready ? "Normal" : "Warning",
      reason: ready ? "NodeReady" : "NodeNotReady",
      message: `Node ${node.metadata.name} status is now: ${ready ? "NodeReady" : `NodeNotReady: ${condition?.message ?? ""}`}`,
    });
  }

  async #renew(): Promise<void> {
    const { objects, clock } = this.#deps;
    const { name } = this.#identity;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: this.#leaseSeconds,
      renewTime: microTimestamp(clock.now()),
    };
    const lease = objects.get("Lease", { namespace: LEASE_NAMESPACE, name });
    if (lease) {
      // Only this node writes it, and it must not go stale for a version that somebody else's label changed.
      const { resourceVersion: _, ...metadata } = stored(lease).metadata;
      await objects.update("Lease", { ...lease, metadata, spec: { ...lease.spec, ...spec } });
      return;
    }
    await this.#makeLease({ metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences: this.#owner() }, spec });
  }

  async #makeLease(lease: Kinds["Lease"] & { metadata: NonNullable<Kinds["Lease"]["metadata"]> }): Promise<void> {
    try {
      await this.#deps.objects.create("Lease", lease);
    } catch (error) {
      // The namespace is made by a controller, which may just not have come to it yet: the next heartbeat will do.
      if (!isReason(error, "NotFound")) throw error;
      this.#deps.logger.debug("the namespace of heartbeats is not there yet");
    }
  }

  #owner(): NonNullable<NonNullable<Kinds["Lease"]["metadata"]>["ownerReferences"]> {
    const node = this.#deps.objects.get("Node", { name: this.#identity.name });
    const uid = node?.metadata?.uid;
    return uid === undefined ? [] : [{ apiVersion: "v1", kind: "Node", name: this.#identity.name, uid }];
  }
}
