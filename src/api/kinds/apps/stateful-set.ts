import { declareKind } from "../../declare-kind.ts";

export const statefulSet = declareKind({
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.StatefulSet" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
});
