import type { NodeReading } from "../../api/node-reading.ts";

/** This machine, as the Node object describes it. Implemented in `daemon/` over Podman and the host. */
export interface NodeFacts {
  /** Rejects only when nothing at all could be read; what fails in part is in `notReady`. */
  read(signal: AbortSignal): Promise<NodeReading>;
}
