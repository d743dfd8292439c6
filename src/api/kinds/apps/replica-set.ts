import { declareKind } from "../../declare-kind.ts";

export const replicaSet = declareKind({
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.ReplicaSet" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
});
