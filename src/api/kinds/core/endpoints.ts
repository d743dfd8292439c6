import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { FieldError } from "../../field-error.ts";
import type { Endpoints } from "../../kinds.ts";
import { PROTOCOLS, oneOf } from "../../validation/container.ts";
import { endpointAddressErrors, isApiService } from "../../validation/endpoint-address.ts";
import { portNumber } from "../../validation/numbers.ts";
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
  validate: ({ metadata, subsets = [] }) =>
    subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
      const field = `subsets[${index}]`;
      const known = isApiService(metadata?.namespace, metadata?.name);
      const addressErrors = (list: readonly { readonly ip: string }[], key: string): FieldError[] =>
        known ? [] : list.flatMap(({ ip }, at) => endpointAddressErrors(ip, `${field}.${key}[${at}].ip`));
      return [
        ...addressErrors(addresses, "addresses"),
        ...addressErrors(notReadyAddresses, "notReadyAddresses"),
        ...ports.flatMap(({ port, protocol }, at) => [
          ...portNumber(port, `${field}.ports[${at}].port`),
          ...oneOf(protocol, `${field}.ports[${at}].protocol`, PROTOCOLS),
        ]),
      ];
    }),
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
