import type { Pod } from "../../api/kinds.ts";
import type { AdmissionRequest, AdmissionStep } from "./admission.ts";

/** A pod that names no service account runs as its namespace's `default`. */
export class DefaultServiceAccount implements AdmissionStep {
  readonly name = "ServiceAccount";

  mutate({ kind, operation, object }: AdmissionRequest): undefined {
    if (kind.kind !== "Pod" || operation !== "create") return;
    const { spec } = object as unknown as Pod;
    if (!spec) return;
    // `serviceAccount` is the field's old name, kept equal as upstream does.
    const account = spec.serviceAccountName || spec.serviceAccount || "default";
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
}
