import { declareKind } from "../../declare-kind.ts";

export const job = declareKind({
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "batch", version: "v1", schema: "batch.v1.Job" }],
  status: true,
  generation: true,
});
