import { isIP } from "node:net";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { IPAddress } from "../../kinds.ts";
import { kindNotActedOn } from "../unserved-fields.ts";

export const ipAddress = declareKind({
  kind: "IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.IPAddress" }],
  validateName: (name) => (isIP(name) === 0 ? ["must be a valid IP address in canonical form"] : []),
  columns: [NAME, column("ParentRef", "What uses the address."), AGE],
  row: (object, context) => [object.metadata?.name ?? "", parentCell(object), ageCell(object, context)],
  warnings: kindNotActedOn("IPAddress"),
});

function parentCell({ spec }: IPAddress): string {
  const parent = spec?.parentRef;
  if (parent === undefined) return "<none>";
  const resource = parent.group ? `${parent.resource}.${parent.group}` : parent.resource;
  return [(resource ?? "").toLowerCase(), parent.namespace, parent.name].filter((part) => part).join("/");
}
