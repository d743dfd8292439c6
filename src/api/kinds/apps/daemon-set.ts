import { declareKind } from "../../declare-kind.ts";

export const daemonSet = declareKind({
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.DaemonSet" }],
  status: true,
  generation: true,
});
