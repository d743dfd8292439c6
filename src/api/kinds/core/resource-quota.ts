import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { ResourceQuota } from "../../kinds.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const resourceQuota = declareKind({
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ResourceQuota" }],
  status: true,
  columns: [
    NAME,
    column("Request", "Requests used, of those allowed."),
    column("Limit", "Limits used, of those allowed."),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    usage(object, (name) => !name.startsWith("limits.")),
    usage(object, (name) => name.startsWith("limits.")),
    ageCell(object, context),
  ],
  warnings: kindNotActedOn("ResourceQuota"),
});

function usage({ status }: ResourceQuota, chosen: (name: string) => boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter(chosen)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`)
    .join(", ");
}
