import type { EndpointSlice, Ingress, Service } from "../../api/kinds.ts";
import { labelText } from "../output/table.ts";
import { type Line, mapText } from "./lines.ts";

/** A Service, with the EndpointSlices that carry its name. */
export function describeService(service: Service, slices: readonly EndpointSlice[]): Line[] {
  const { spec, status } = service;
  const ports = (spec?.ports ?? []).flatMap((port): Line[] => [
    ["Port", `${port.name ?? "<unset>"}  ${port.port}/${port.protocol ?? "TCP"}`],
    ["TargetPort", `${port.targetPort ?? port.port}/${port.protocol ?? "TCP"}`],
    ...(port.nodePort
      ? ([["NodePort", `${port.name ?? "<unset>"}  ${port.nodePort}/${port.protocol ?? "TCP"}`]] as Line[])
      : []),
    ["Endpoints", endpointsText(slices, port.name)],
  ]);
  return [
    ["Labels", mapText(service.metadata?.labels)],
    ["Annotations", mapText(service.metadata?.annotations)],
    ["Selector", spec?.selector ? labelText(spec.selector) : undefined],
    ["Type", spec?.type],
    ["IP", spec?.clusterIP],
    ...(spec?.externalName ? ([["External Name", spec.externalName]] as Line[]) : []),
    ...(status?.loadBalancer?.ingress
      ? ([
          ["LoadBalancer Ingress", status.loadBalancer.ingress.map((one) => one.ip ?? one.hostname).join(", ")],
        ] as Line[])
      : []),
    ...ports,
    ["Session Affinity", spec?.sessionAffinity],
    ["Internal Traffic Policy", spec?.internalTrafficPolicy],
  ];
}

function endpointsText(slices: readonly EndpointSlice[], portName: string | undefined): string {
  const addresses = slices.flatMap((slice) => {
    const port = (slice.ports ?? []).find((candidate) => (candidate.name ?? "") === (portName ?? ""));
    if (port?.port === undefined) return [];
    return (slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready !== false)
      .flatMap((endpoint) => endpoint.addresses.map((address) => `${address}:${port.port}`));
  });
  return addresses.length > 3
    ? `${addresses.slice(0, 3).join(",")} + ${addresses.length - 3} more...`
    : addresses.join(",");
}

export function describeIngress(ingress: Ingress): Line[] {
  const { spec, status } = ingress;
  const backend = (
    one: { service?: { name: string; port?: { name?: string; number?: number } } } | undefined,
  ): string =>
    one?.service ? `${one.service.name}:${one.service.port?.name ?? one.service.port?.number ?? ""}` : "<none>";
  const rules = (spec?.rules ?? []).flatMap((rule) =>
    (rule.http?.paths ?? []).map((path) => [
      rule.host ?? "*",
      `${path.path ?? "/"} (${path.pathType})`,
      backend(path.backend),
    ]),
  );
  return [
    ["Labels", mapText(ingress.metadata?.labels)],
    ["Annotations", mapText(ingress.metadata?.annotations)],
    ["Address", (status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname).join(",")],
    ["Ingress Class", spec?.ingressClassName],
    ["Default backend", backend(spec?.defaultBackend)],
    ...(spec?.tls
      ? [
          {
            title: "TLS",
            lines: spec.tls.map((tls): Line => [
              tls.secretName ?? "default certificate",
              `terminates ${(tls.hosts ?? []).join(", ")}`,
            ]),
          },
        ]
      : []),
    { title: "Rules", rows: [["Host", "Path", "Backends"], ...rules] },
  ];
}
