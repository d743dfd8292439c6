import type { KindDeclaration } from "../../api/kind.ts";
import type { Pod } from "../../api/kinds.ts";
import type { Store } from "../../store/port.ts";
import { forbidden } from "../objects/object-errors.ts";
import type { AdmissionRequest, AdmissionStep } from "./admission.ts";

const DEFAULT = "default";

/** A pod runs as a service account that exists; one that names none, as its namespace's `default`. */
export class PodServiceAccount implements AdmissionStep {
  readonly name = "ServiceAccount";
  readonly #store: Store;
  readonly #accounts: KindDeclaration;

  constructor(deps: { readonly store: Store; readonly accounts: KindDeclaration }) {
    this.#store = deps.store;
    this.#accounts = deps.accounts;
  }

  mutate({ kind, operation, object }: AdmissionRequest): undefined {
    if (kind.kind !== "Pod" || operation !== "create") return;
    const pod = object as unknown as Pod;
    if (!pod.spec) return;
    // `serviceAccount` is the field's old name, kept equal as upstream does.
    const account = pod.spec.serviceAccountName || pod.spec.serviceAccount || DEFAULT;
    this.#refuseUnknown(kind, pod, account);
    pod.spec.serviceAccountName = account;
    pod.spec.serviceAccount = account;
  }

  #refuseUnknown(kind: KindDeclaration, { metadata }: Pod, name: string): void {
    // The default is made by a controller a moment after its namespace: no reason to refuse a manifest with both.
    if (name === DEFAULT) return;
    const namespace = metadata?.namespace ?? "";
    if (this.#store.get({ resource: this.#accounts.resource, namespace, name })) return;
    const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
    throw forbidden(kind, metadata?.name ?? "", why);
  }
}
