import type { Node } from "./kinds.ts";

type NodeStatus = NonNullable<Node["status"]>;

/** A pressure of the node; `message` only where we know more than the usual words. */
export interface Pressure {
  readonly pressed: boolean;
  readonly message?: string;
}

/** What one look at a machine gives for its Node. Quantities are Kubernetes'. */
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
  /** Why pods cannot run there, in a sentence each: Podman does not answer, the network is not up. */
  readonly notReady: readonly string[];
}
