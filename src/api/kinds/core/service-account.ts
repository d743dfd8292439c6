import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";

export const serviceAccount = declareKind({
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ServiceAccount" }],
  subresources: [
    { name: "token", kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: ["create"] },
  ],
  columns: [NAME, column("Secrets", "How many Secrets it lists."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    String(object.secrets?.length ?? 0),
    ageCell(object, context),
  ],
});
