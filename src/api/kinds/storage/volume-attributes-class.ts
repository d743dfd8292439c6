import { declareKind } from "../../declare-kind.ts";

export const volumeAttributesClass = declareKind({
  kind: "VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.VolumeAttributesClass" }],
});
