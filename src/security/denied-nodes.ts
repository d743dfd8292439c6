import { isReason } from "../api/api-error.ts";
import type { KubeObject } from "../api/kinds.ts";
import { type Clock, timestamp } from "../lib/clock.ts";
import { secretBytes } from "../lib/random.ts";
import type { Key, Store } from "../store/port.ts";
import type { NodeCertificate } from "./node-certificate.ts";

/** No kind of the API. */
const RESOURCE = "deniednodes.podman-swarm.io";

/**
 * Nodes that were removed: what was signed for them until then is refused at once, wherever this list has arrived. A
 * node that joins again by a token has a newer certificate, which is good.
 */
export class DeniedNodes {
  readonly #deps: { readonly store: Store; readonly clock: Clock };

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#deps = deps;
  }

  /** Refuses all certificates that the node has today. */
  async deny(nodeName: string): Promise<void> {
    const { store, clock } = this.#deps;
    const key = keyOf(nodeName);
    const object: KubeObject & { spec: { until: number } } = {
      apiVersion: "podman-swarm.io/v1",
      kind: "DeniedNode",
      metadata: { name: nodeName, creationTimestamp: timestamp(clock.now()), uid: secretBytes(16).toString("hex") },
      spec: { until: clock.now() },
    };
    try {
      await store.create(key, object);
    } catch (error) {
      if (!isReason(error, "AlreadyExists")) throw error;
      await store.update(key, object, { register: "main" });
    }
  }

  isDenied({ nodeName, issuedAt }: Pick<NodeCertificate, "nodeName" | "issuedAt">): boolean {
    const found = this.#deps.store.get(keyOf(nodeName))?.object["spec"] as { until: number } | undefined;
    // A certificate has whole seconds, rounded down: one of the same second as the removal counts as older.
    return found !== undefined && issuedAt <= found.until;
  }
}

function keyOf(name: string): Key {
  return { resource: RESOURCE, namespace: "", name };
}
