import { declareKind } from "../../declare-kind.ts";

export const volumeAttachment = declareKind({
  kind: "VolumeAttachment",
  plural: "volumeattachments",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.VolumeAttachment" }],
  status: true,
});
