import { ApiError, NAMESPACE_TERMINATING } from "../../api/api-error.ts";
import type { KindDeclaration } from "../../api/kind.ts";
import type { Namespace } from "../../api/kinds.ts";
import type { Store } from "../../store/port.ts";
import { forbidden, notFound, objectDetails } from "../objects/object-errors.ts";
import type { AdmissionRequest, AdmissionStep } from "./admission.ts";

/** Upstream's immortal namespaces; kube-node-lease is left to its owner there too. */
const IMMORTAL = ["default", "kube-system", "kube-public"];

/** Objects are created only in a namespace that exists and stays; the system's own namespaces cannot be deleted. */
export class NamespaceLifecycle implements AdmissionStep {
  readonly name = "NamespaceLifecycle";
  readonly #store: Store;
  readonly #namespaces: KindDeclaration;

  constructor(deps: { readonly store: Store; readonly namespaces: KindDeclaration }) {
    this.#store = deps.store;
    this.#namespaces = deps.namespaces;
  }

  mutate({ kind, operation, object }: AdmissionRequest): undefined {
    const name = object.metadata.name ?? "";
    if (kind.kind === "Namespace") {
      if (operation !== "delete" || !IMMORTAL.includes(name)) return;
      throw forbidden(kind, name, "this namespace may not be deleted");
    }
    if (!kind.namespaced || operation !== "create") return;
    const namespace = object.metadata.namespace ?? "";
    const key = { resource: this.#namespaces.resource, namespace: "", name: namespace };
    const found = this.#store.get(key)?.object as unknown as Namespace | undefined;
    if (!found) throw notFound(this.#namespaces, namespace);
    if (found.metadata?.deletionTimestamp !== undefined) throw terminating(kind, name, namespace);
  }
}

function terminating(kind: KindDeclaration, name: string, namespace: string): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: NAMESPACE_TERMINATING,
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  const { message } = forbidden(kind, name, why);
  return new ApiError("Forbidden", message, { ...objectDetails(kind, name), causes: [cause] });
}
