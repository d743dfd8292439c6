import { declareKind } from "../../declare-kind.ts";

export const deployment = declareKind({
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.Deployment" }],
  status: true,
  generation: true,
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "selector" },
});
