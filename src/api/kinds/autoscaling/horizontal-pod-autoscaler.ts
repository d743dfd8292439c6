import { declareKind } from "../../declare-kind.ts";

export const horizontalPodAutoscaler = declareKind({
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "autoscaling", version: "v2", schema: "autoscaling.v2.HorizontalPodAutoscaler" }],
  status: true,
});
