import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { Endpoints } from "../../kinds.ts";
import { listWithMore } from "../shortened-list.ts";

export const endpoints = declareKind({
  kind: "Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Endpoints" }],
  columns: [NAME, column("Endpoints", "The first addresses."), AGE],
  row: (object, context) => [object.metadata?.name ?? "", addressesCell(object), ageCell(object, context)],
  applyDefaults: ({ subsets }) => {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= "TCP";
  },
});

function addressesCell({ subsets }: Endpoints): string {
  const all = (subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) =>
          addresses.map(({ ip }) => (ip?.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
        ),
  );
  return all.length === 0 ? "<none>" : listWithMore(all);
}
