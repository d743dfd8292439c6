import { declareKind } from "../../declare-kind.ts";

export const podDisruptionBudget = declareKind({
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  namespaced: true,
  versions: [{ group: "policy", version: "v1", schema: "policy.v1.PodDisruptionBudget" }],
  status: true,
  generation: true,
});
