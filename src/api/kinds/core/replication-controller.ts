import { declareKind } from "../../declare-kind.ts";

export const replicationController = declareKind({
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ReplicationController" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "labels" },
});
