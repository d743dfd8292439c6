import type { Kinds } from "../../api/kinds.ts";

type NodeStatus = NonNullable<Kinds["Node"]["status"]>;

/** A pressure of the node; `reason` and `message` only where we know more than the usual words. */
export interface Pressure {
  readonly pressed: boolean;
  readonly message?: string;
}

/** What one look at this machine gives. Quantities are Kubernetes'. */
export interface NodeReading {
  /** At least cpu, memory, ephemeral-storage and pods. */
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly nodeInfo: NonNullable<NodeStatus["nodeInfo"]>;
  readonly addresses: NonNullable<NodeStatus["addresses"]>;
  readonly images: NonNullable<NodeStatus["images"]>;
  readonly memoryPressure: Pressure;
  readonly diskPressure: Pressure;
  readonly pidPressure: Pressure;
  /** Why pods cannot run here, in a sentence: Podman does not answer, the network is not up. */
  readonly notReady: readonly string[];
}

/** This machine, as the Node object describes it. Implemented in `daemon/` over Podman and the host. */
export interface NodeFacts {
  /** Rejects only when nothing at all could be read; what fails in part is in `notReady`. */
  read(signal: AbortSignal): Promise<NodeReading>;
}
