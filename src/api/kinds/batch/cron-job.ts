import { declareKind } from "../../declare-kind.ts";

export const cronJob = declareKind({
  kind: "CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "batch", version: "v1", schema: "batch.v1.CronJob" }],
  status: true,
  generation: true,
});
