import type { Endpoints, EndpointSlice } from "../../api/kinds.ts";
import { headLines, indented, orNone, type Lines } from "./description.ts";

interface Port {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
}

export function describeEndpoints({ metadata, subsets = [] }: Endpoints): Lines {
  const ips = (addresses: readonly { readonly ip: string }[] = []): string =>
    orNone(addresses.map(({ ip }) => ip).join(","));
  const blocks = subsets.flatMap(({ addresses, notReadyAddresses, ports = [] }) => [
    `  Addresses:\t${ips(addresses)}`,
    `  NotReadyAddresses:\t${ips(notReadyAddresses)}`,
    ...(ports.length === 0 ? [] : indented(["Ports:", ...indented(portTable(ports), "  ")], "  ")),
    "",
  ]);
  return [...headLines(metadata), "Subsets:", ...blocks];
}

export function describeEndpointSlice({ metadata, addressType, ports, endpoints }: EndpointSlice): Lines {
  const all = endpoints ?? [];
  return [
    ...headLines(metadata),
    `AddressType:\t${addressType}`,
    ...(ports?.length ? ["Ports:", ...indented(portTable(ports), "  ")] : ["Ports: <unset>"]),
    ...(all.length === 0 ? ["Endpoints: <none>"] : ["Endpoints:", ...all.flatMap(endpointLines)]),
  ];
}

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

function endpointLines({ addresses, conditions, hostname, targetRef, nodeName, zone }: Endpoint): string[] {
  return [
    `  - Addresses:\t${addresses.join(",")}`,
    "    Conditions:",
    `      Ready:\t${conditions?.ready ?? "<unset>"}`,
    `    Hostname:\t${hostname ?? "<unset>"}`,
    ...(targetRef ? [`    TargetRef:\t${targetRef.kind}/${targetRef.name}`] : []),
    `    NodeName:\t${nodeName ?? "<unset>"}`,
    `    Zone:\t${zone ?? "<unset>"}`,
  ];
}

function portTable(ports: readonly Port[]): string[] {
  const rows = ports.map(
    ({ name, port, protocol }) => `${name || "<unset>"}\t${port ?? "<unset>"}\t${protocol ?? "TCP"}`,
  );
  return ["Name\tPort\tProtocol", "----\t----\t--------", ...rows];
}
