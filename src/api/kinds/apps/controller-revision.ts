import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid } from "../../field-error.ts";
import type { ControllerRevision } from "../../kinds.ts";
import { nonNegative } from "../../validation/numbers.ts";

export const controllerRevision = declareKind({
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  namespaced: true,
  versions: [{ group: "apps", version: "v1", schema: "apps.v1.ControllerRevision" }],
  columns: [
    NAME,
    column("Controller", "What it is a revision of."),
    column("Revision", "Its number; higher is newer."),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    ownerCell(object),
    String(object.revision ?? 0),
    ageCell(object, context),
  ],
  applyDefaults: (object) => {
    object.revision ??= 0;
  },
  validate: ({ revision }) => nonNegative(revision, "revision"),
  validateUpdate: (next, previous) =>
    isDeepStrictEqual(next.data, previous.data) ? [] : [invalid("data", next.data, "field is immutable")],
});

function ownerCell({ metadata }: ControllerRevision): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return "<none>";
  const group = owner.apiVersion?.includes("/") ? `.${owner.apiVersion.split("/")[0] ?? ""}` : "";
  return `${(owner.kind ?? "").toLowerCase()}${group}/${owner.name}`;
}
