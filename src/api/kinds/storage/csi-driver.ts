import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const csiDriver = declareKind({
  kind: "CSIDriver",
  plural: "csidrivers",
  namespaced: false,
  versions: [{ group: "storage.k8s.io", version: "v1", schema: "storage.v1.CSIDriver" }],
  columns: [
    NAME,
    column("AttachRequired", "Whether volumes must be attached.", "boolean"),
    column("PodInfoOnMount", "Whether it is told of the pod.", "boolean"),
    column("StorageCapacity", "Whether it tells its capacity.", "boolean"),
    column("TokenRequests", "The audiences of the tokens that it wants."),
    column("RequiresRepublish", "Whether it is asked again and again.", "boolean"),
    column("Modes", "The life cycles that it knows."),
    AGE,
  ],
  row: (object, context) => {
    const { metadata, spec } = object;
    return [
      metadata?.name ?? "",
      spec?.attachRequired ?? true,
      spec?.podInfoOnMount ?? false,
      spec?.storageCapacity ?? false,
      spec?.tokenRequests?.map(({ audience }) => audience).join(",") ?? "<unset>",
      spec?.requiresRepublish ?? false,
      (spec?.volumeLifecycleModes ?? []).join(",") || "<none>",
      ageCell(object, context),
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ||= "ReadWriteOnceWithFSType";
    spec.volumeLifecycleModes ??= ["Persistent"];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  warnings: kindNotActedOn("CSIDriver"),
});
