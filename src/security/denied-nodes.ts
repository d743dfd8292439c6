import type { KubeObject } from "../api/kinds.ts";
import { type Clock, timestamp } from "../lib/clock.ts";
import type { Key, Store } from "../store/port.ts";
import type { NodeCertificate } from "./certificates/node-certificate.ts";

/** No kind of the API. */
const RESOURCE = "deniednodes.podman-swarm.io";

/**
 * Nodes that were removed: who was let in until then is refused at once, wherever this list has arrived, also with a
 * certificate that it has renewed since. A node that joins again by a token is let in anew.
 */
export class DeniedNodes {
  readonly #deps: { readonly store: Store; readonly clock: Clock };

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#deps = deps;
  }

  /** Refuses all certificates of the node that was let in until then, in milliseconds since the epoch; today's by default. */
  async deny(nodeName: string, until = this.#deps.clock.now()): Promise<void> {
    const { store, clock } = this.#deps;
    const key = deniedNodeKey(nodeName);
    // One and the same object wherever it is made first, so that of two removals the later one counts.
    if (!store.get(key)) await store.create(key, deniedNode(nodeName, { until: 0, madeAt: 0 }), { cause: [] });
    const latest = Math.max(until, this.until(nodeName) ?? 0);
    await store.update(key, deniedNode(nodeName, { until: latest, madeAt: clock.now() }), { register: "main" });
  }

  isDenied({ nodeName, memberSince }: Pick<NodeCertificate, "nodeName" | "memberSince">): boolean {
    const until = this.until(nodeName);
    // Where it says no time of its own it has whole seconds, rounded down: the second of the removal counts as older.
    return until !== undefined && memberSince <= until;
  }

  /** Until when its certificates are refused, in milliseconds since the epoch; undefined for one that was never removed. */
  until(nodeName: string): number | undefined {
    const entry = this.#deps.store.get(deniedNodeKey(nodeName));
    return (entry && specOf(entry.object).until) || undefined;
  }
}

function deniedNode(name: string, { until, madeAt }: { readonly until: number; readonly madeAt: number }): KubeObject {
  return {
    apiVersion: "podman-swarm.io/v1",
    kind: "DeniedNode",
    metadata: { name, creationTimestamp: timestamp(madeAt) },
    spec: { until },
  } as KubeObject;
}

function specOf(object: KubeObject): { readonly until: number } {
  return object["spec"] as { until: number };
}

/** Where a node's denial lies in the store. */
export function deniedNodeKey(name: string): Key {
  return { resource: RESOURCE, namespace: "", name };
}
