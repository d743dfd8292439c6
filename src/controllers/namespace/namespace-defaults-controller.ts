import type { Stored } from "../../api/stored.ts";
import type { ClusterView } from "../cluster-view.ts";
import {
  create,
  NOTHING,
  targetOf,
  update,
  type Controller,
  type Plan,
  type Target,
  type Watch,
  type Write,
} from "../controller.ts";

const ROOT_CA = "kube-root-ca.crt";

/** As upstream's publisher words it. */
const ROOT_CA_NOTE =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export interface NamespaceDefaultsDeps {
  readonly view: ClusterView;
  /** The cluster's CA, PEM. Read each time, because it is rotated. */
  readonly rootCa: () => string;
}

/** Gives every namespace its `default` ServiceAccount and the cluster's CA, and puts them back when they are deleted. */
export class NamespaceDefaultsController implements Controller {
  readonly name = "serviceaccount-controller";
  readonly watches: readonly Watch[] = [
    { kind: "Namespace", targets: ({ object }) => [targetOf("Namespace", object)] },
    {
      kind: "ServiceAccount",
      targets: ({ type, object }) => (type === "DELETED" ? namespaceOf(object.metadata?.namespace) : []),
    },
    {
      kind: "ConfigMap",
      targets: ({ object: { metadata } }) => (metadata?.name === ROOT_CA ? namespaceOf(metadata.namespace) : []),
    },
  ];
  readonly #deps: NamespaceDefaultsDeps;

  constructor(deps: NamespaceDefaultsDeps) {
    this.#deps = deps;
  }

  all(): Iterable<Target> {
    return this.#deps.view.list("Namespace").map((namespace) => targetOf("Namespace", namespace));
  }

  decide(target: Target): Plan {
    const { view } = this.#deps;
    const namespace = view.get("Namespace", target);
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return NOTHING;
    const account = view.get("ServiceAccount", { namespace: target.name, name: "default" });
    const bundle = view.get("ConfigMap", { namespace: target.name, name: ROOT_CA });
    const writes = account ? [] : [this.#creation(namespace, "ServiceAccount")];
    return { stages: [[...writes, ...this.#bundle(namespace, bundle)]] };
  }

  #bundle(namespace: Stored<"Namespace">, present: Stored<"ConfigMap"> | undefined): Write[] {
    if (!present) return [this.#creation(namespace, "ConfigMap")];
    const pem = this.#deps.rootCa();
    return present.data?.["ca.crt"] === pem ? [] : [update("ConfigMap", { ...present, data: { "ca.crt": pem } })];
  }

  #creation({ metadata }: Stored<"Namespace">, kind: "ServiceAccount" | "ConfigMap"): Write {
    const { name: namespace, uid } = metadata;
    const cause = [uid, kind];
    if (kind === "ServiceAccount") return create(kind, { metadata: { name: "default", namespace } }, cause);
    const annotations = { "kubernetes.io/description": ROOT_CA_NOTE };
    const data = { "ca.crt": this.#deps.rootCa() };
    return create(kind, { metadata: { name: ROOT_CA, namespace, annotations }, data }, cause);
  }
}

function namespaceOf(name: string | undefined): Target[] {
  return name === undefined ? [] : [{ kind: "Namespace", name }];
}
