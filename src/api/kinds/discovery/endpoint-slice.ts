import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid } from "../../field-error.ts";
import type { EndpointSlice } from "../../kinds.ts";
import type { FieldError } from "../../field-error.ts";
import { PROTOCOLS, oneOf } from "../../validation/container.ts";
import { endpointAddressErrors, isApiService } from "../../validation/endpoint-address.ts";
import { dnsSubdomainProblems } from "../../validation/names.ts";
import { portNumber } from "../../validation/numbers.ts";
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
  validate: (object) => [
    ...oneOf(object.addressType, "addressType", ["FQDN", "IPv4", "IPv6"]),
    ...addressErrors(object),
    ...(object.ports ?? []).flatMap(({ port, protocol }, index) => [
      ...(port === undefined ? [] : portNumber(port, `ports[${index}].port`)),
      ...oneOf(protocol, `ports[${index}].protocol`, PROTOCOLS),
    ]),
  ],
  validateUpdate: (next, previous) =>
    next.addressType === previous.addressType ? [] : [invalid("addressType", next.addressType, "field is immutable")],
});

function addressErrors({ metadata, addressType, endpoints = [] }: EndpointSlice): FieldError[] {
  if (isApiService(metadata?.namespace, metadata?.labels?.["kubernetes.io/service-name"])) return [];
  return endpoints.flatMap(({ addresses }, index) =>
    (addresses ?? []).flatMap((address, at) => {
      const field = `endpoints[${index}].addresses[${at}]`;
      if (addressType !== "FQDN") return endpointAddressErrors(address, field, addressType === "IPv6" ? 6 : 4);
      return dnsSubdomainProblems(address).map((problem) => invalid(field, address, problem));
    }),
  );
}

function portsCell({ ports }: EndpointSlice): string {
  return shown((ports ?? []).map(({ port, name }) => String(port ?? (name || "*"))));
}

function shown(items: readonly string[]): string {
  return items.length === 0 ? "<unset>" : listWithMore(items);
}
