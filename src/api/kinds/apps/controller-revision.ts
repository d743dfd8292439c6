import { declareKind } from "../../declare-kind.ts";

export const controllerRevision = declareKind({
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.ControllerRevision" }],
});
