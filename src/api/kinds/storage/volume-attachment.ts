import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const volumeAttachment = declareKind({
  kind: "VolumeAttachment",
  plural: "volumeattachments",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.VolumeAttachment" }],
  status: true,
  columns: [
    NAME,
    column("Attacher", "What attaches it."),
    column("PV", "The volume."),
    column("Node", "The node."),
    column("Attached", "Whether it is attached.", "boolean"),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.spec?.attacher ?? "",
    object.spec?.source?.persistentVolumeName ?? "",
    object.spec?.nodeName ?? "",
    object.status?.attached ?? false,
    ageCell(object, context),
  ],
  warnings: kindNotActedOn("VolumeAttachment"),
});
