import type { EndpointSlice, Ingress, Service } from "../../api/kinds.ts";
import { annotationLines, headLines, labelLines, labelsText, optional, orNone, type Lines } from "./description.ts";

type ServicePort = NonNullable<NonNullable<Service["spec"]>["ports"]>[number];

/** More of a service's endpoints are counted only. */
const SHOWN_ENDPOINTS = 3;

/** A Service, with the EndpointSlices that carry its name. */
export function describeService(service: Service, slices: readonly EndpointSlice[]): Lines {
  const { metadata, spec, status } = service;
  const listed = (title: string, values: readonly string[] | undefined): string =>
    `${title}:\t${orNone(values?.join(","))}`;
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
  return [
    ...headLines(metadata),
    `Selector:\t${labelsText(spec?.selector)}`,
    `Type:\t${spec?.type ?? ""}`,
    ...optional("IP Family Policy", spec?.ipFamilyPolicy),
    listed("IP Families", spec?.ipFamilies),
    `IP:\t${spec?.clusterIP ?? ""}`,
    listed("IPs", spec?.clusterIPs),
    ...(spec?.externalIPs?.length ? [listed("External IPs", spec.externalIPs)] : []),
    ...optional("Desired LoadBalancer IP", spec?.loadBalancerIP),
    ...optional("External Name", spec?.externalName),
    ...optional("LoadBalancer Ingress", balanced.join(", ")),
    ...(spec?.ports ?? []).flatMap((port) => portLines(port, slices)),
    `Session Affinity:\t${spec?.sessionAffinity ?? ""}`,
    ...optional("External Traffic Policy", spec?.externalTrafficPolicy),
    ...optional("Internal Traffic Policy", spec?.internalTrafficPolicy),
    ...(spec?.loadBalancerSourceRanges?.length
      ? [listed("LoadBalancer Source Ranges", spec.loadBalancerSourceRanges)]
      : []),
  ];
}

function portLines(port: ServicePort, slices: readonly EndpointSlice[]): string[] {
  const name = port.name || "<unset>";
  const protocol = port.protocol ?? "TCP";
  return [
    `Port:\t${name}\t${port.port}/${protocol}`,
    `TargetPort:\t${port.targetPort ?? port.port}/${protocol}`,
    ...(port.nodePort ? [`NodePort:\t${name}\t${port.nodePort}/${protocol}`] : []),
    `Endpoints:\t${endpointsText(slices, port.name)}`,
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
  const more = addresses.length - SHOWN_ENDPOINTS;
  return more > 0 ? `${addresses.slice(0, SHOWN_ENDPOINTS).join(",")} + ${more} more...` : addresses.join(",");
}

/** What Ingresses lead to: the Services of their namespace with their slices. */
export interface Backends {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
}

type Backend = NonNullable<NonNullable<Ingress["spec"]>["defaultBackend"]>;

export function describeIngress(ingress: Ingress, backends: Backends): Lines {
  const { metadata, spec, status } = ingress;
  const fallback = spec?.defaultBackend;
  const to = (backend: Backend): string => backendText(backend, backends);
  const rules = (spec?.rules ?? []).flatMap(({ host, http }) =>
    http === undefined
      ? []
      : [`  ${host || "*"}\t`, ...http.paths.map(({ path, backend }) => `    \t${path ?? ""} \t${to(backend)}`)],
  );
  const tls = (spec?.tls ?? []).map(({ secretName, hosts = [] }) =>
    secretName ? `  ${secretName} terminates ${hosts.join(",")}` : `  SNI routes ${hosts.join(",")}`,
  );
  return [
    `Name:\t${metadata?.name ?? ""}`,
    ...labelLines("Labels", metadata?.labels),
    `Namespace:\t${metadata?.namespace ?? ""}`,
    `Address:\t${(status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname ?? "").join(",")}`,
    `Ingress Class:\t${orNone(spec?.ingressClassName)}`,
    `Default backend:\t${fallback === undefined ? "<default>" : to(fallback)}`,
    ...(tls.length === 0 ? [] : ["TLS:", ...tls]),
    "Rules:",
    "  Host\tPath\tBackends",
    "  ----\t----\t--------",
    ...(rules.length === 0 ? [`  *\t*\t${fallback === undefined ? "<default>" : to(fallback)}`] : rules),
    ...annotationLines(metadata?.annotations),
  ];
}

function backendText({ service, resource }: Backend, { services, slices }: Backends): string {
  if (service === undefined) {
    return `APIGroup: ${resource?.apiGroup ?? "<none>"}, Kind: ${resource?.kind ?? ""}, Name: ${resource?.name ?? ""}`;
  }
  const { name, port } = service;
  const found = services.find(({ metadata }) => metadata?.name === name);
  const ends =
    found === undefined
      ? `<error: services "${name}" not found>`
      : endpointsText(
          slices.filter(({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === name),
          found.spec?.ports?.find((one) => (port?.name ? one.name === port.name : one.port === port?.number))?.name,
        );
  return `${name}:${port?.name || (port?.number ?? "")} (${ends})`;
}
