import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid } from "../../field-error.ts";
import type { EndpointSlice } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { listWithMore } from "../shortened-list.ts";

export const endpointSlice = declareKind({
  kind: "EndpointSlice",
  plural: "endpointslices",
  namespaced: true,
  versions: [{ group: "discovery.k8s.io", version: "v1", schema: "discovery.v1.EndpointSlice" }],
  generation: true,
  columns: [
    NAME,
    column("AddressType", "What its addresses are."),
    column("Ports", "Its ports."),
    column("Endpoints", "Its first addresses."),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.addressType ?? "",
    portsCell(object),
    shown((object.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ageCell(object, context),
  ],
  applyDefaults: (object) => {
    object.endpoints ??= [];
    for (const port of object.ports ?? []) {
      port.name ??= "";
      port.protocol ||= "TCP";
    }
  },
  validate: ({ addressType }) => oneOf(addressType, "addressType", ["FQDN", "IPv4", "IPv6"]),
  validateUpdate: (next, previous) =>
    next.addressType === previous.addressType ? [] : [invalid("addressType", next.addressType, "field is immutable")],
});

function portsCell({ ports }: EndpointSlice): string {
  return shown((ports ?? []).map(({ port, name }) => String(port ?? (name || "*"))));
}

function shown(items: readonly string[]): string {
  return items.length === 0 ? "<unset>" : listWithMore(items);
}
