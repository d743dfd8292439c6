import type { KindName } from "../../api/kinds.ts";
import type { ObjectChange } from "../../api/objects.ts";
import { stored, type Stored } from "../../api/stored.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ClusterView } from "../cluster-view.ts";
import { create, targetOf, type Controller, type Plan, type Target, type Watch, type Write } from "../controller.ts";
import { decideNamespace } from "./decide-namespace.ts";

/** Namespaces that every cluster has, as upstream's API server makes them. */
const SYSTEM = ["default", "kube-system", "kube-public", "kube-node-lease"];

export interface NamespacedKind {
  readonly kind: KindName;
  readonly plural: string;
}

export interface NamespaceControllerDeps {
  readonly view: ClusterView;
  readonly clock: Clock;
  /** Every kind that lives in namespaces. */
  readonly kinds: readonly NamespacedKind[];
}

/** Makes the system's namespaces, and empties those that are being deleted. */
export class NamespaceController implements Controller {
  readonly name = "namespace-controller";
  readonly watches: readonly Watch[];
  readonly #deps: NamespaceControllerDeps;

  constructor(deps: NamespaceControllerDeps) {
    this.#deps = deps;
    const emptied = deps.kinds.map(
      ({ kind }) => ({ kind, targets: (change: ObjectChange) => this.#emptied(change) }) as Watch,
    );
    this.watches = [{ kind: "Namespace", targets: ({ object }) => [targetOf("Namespace", object)] }, ...emptied];
  }

  *all(): Iterable<Target> {
    for (const name of SYSTEM) yield { kind: "Namespace", name };
    for (const namespace of this.#deps.view.list("Namespace")) yield targetOf("Namespace", namespace);
  }

  decide(target: Target): Plan {
    const { view, kinds, clock } = this.#deps;
    const namespace = view.get("Namespace", target);
    if (!namespace) return { stages: SYSTEM.includes(target.name) ? [[creation(target.name)]] : [] };
    if (namespace.metadata.deletionTimestamp === undefined) return { stages: [] };
    const content = kinds.flatMap(({ kind, plural }) => {
      const objects: readonly Stored<KindName>[] = view.list(kind, target.name);
      return objects.length > 0 ? [{ kind, plural, objects }] : [];
    });
    return decideNamespace({ namespace, content, now: clock.now() });
  }

  #emptied({ type, object }: ObjectChange): Target[] {
    const { namespace } = stored(object).metadata;
    if (type !== "DELETED" || namespace === undefined) return [];
    const own = this.#deps.view.get("Namespace", { name: namespace });
    return own?.metadata.deletionTimestamp === undefined ? [] : [{ kind: "Namespace", name: namespace }];
  }
}

function creation(name: string): Write {
  return create("Namespace", { metadata: { name } }, ["system-namespace", name]);
}
