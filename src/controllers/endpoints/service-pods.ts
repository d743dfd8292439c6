import type { Pod, ServicePort } from "../../api/kinds.ts";
import { matchesLabels } from "../../api/label-selector.ts";
import { isFinished, isReady, isTerminating } from "../../api/pod-state.ts";
import type { Stored } from "../../api/stored.ts";

export type Family = "IPv4" | "IPv6";

export interface EndpointPort {
  readonly name?: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

/** One pod behind a service, for one address family. */
export interface ServicePod {
  readonly pod: Stored<"Pod">;
  readonly address: string;
  readonly hostname: string | undefined;
  readonly ports: readonly EndpointPort[];
  readonly serving: boolean;
  readonly terminating: boolean;
  /** May be sent new traffic. */
  readonly ready: boolean;
}

/** The pods that a service selects and that have an address of the family, finished ones left out. */
export function servicePods(service: Stored<"Service">, pods: readonly Stored<"Pod">[], family: Family): ServicePod[] {
  const selector = service.spec.selector ?? {};
  if (Object.keys(selector).length === 0) return [];
  return pods.flatMap((pod) => {
    const address = addressOf(pod, family);
    if (address === undefined || isFinished(pod) || !matchesLabels(selector, pod.metadata.labels)) return [];
    const terminating = isTerminating(pod);
    const serving = isReady(pod);
    const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
    const ports = portsOf(service.spec.ports ?? [], pod);
    // A named port that the pod does not have is no reason to leave out the others; with none left there is no endpoint.
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) return [];
    return [{ pod, address, hostname: hostnameOf(service, pod), ports, serving, terminating, ready }];
  });
}

export function families({ spec }: Stored<"Service">): Family[] {
  const named = (spec.ipFamilies ?? []).filter((family): family is Family => family === "IPv4" || family === "IPv6");
  if (named.length > 0) return named;
  return [spec.clusterIP?.includes(":") ? "IPv6" : "IPv4"];
}

function addressOf({ status }: Pod, family: Family): string | undefined {
  const all = [...(status?.podIPs ?? []).map(({ ip }) => ip), ...(status?.podIP ? [status.podIP] : [])];
  return all.find((ip) => ip !== undefined && ip.includes(":") === (family === "IPv6"));
}

/** A pod's own name in DNS: only under the service that its subdomain names. */
function hostnameOf({ metadata }: Stored<"Service">, { spec }: Stored<"Pod">): string | undefined {
  return spec.hostname && spec.subdomain === metadata.name ? spec.hostname : undefined;
}

function portsOf(ports: readonly ServicePort[], pod: Stored<"Pod">): EndpointPort[] {
  return ports.flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name, protocol = "TCP", appProtocol } = port;
    return [
      {
        ...(name !== undefined ? { name } : {}),
        port: number,
        protocol,
        ...(appProtocol !== undefined ? { appProtocol } : {}),
      },
    ];
  });
}

/** The number of a service's target port in a pod; undefined for a name that no container has for that protocol. */
function targetPort(
  { targetPort: target, port, protocol = "TCP" }: ServicePort,
  pod: Stored<"Pod">,
): number | undefined {
  const wanted: unknown = target ?? port;
  if (typeof wanted === "number") return wanted === 0 ? port : wanted;
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...pod.spec.containers, ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .find(({ name, protocol: other = "TCP" }) => name === wanted && other === protocol)?.containerPort;
}

/** One text per set of ports: endpoints with equal ones can share a slice or a subset. */
export function portsKey(ports: readonly EndpointPort[]): string {
  return JSON.stringify(
    ports
      .map(({ name = "", port, protocol, appProtocol = "" }) => [name, port, protocol, appProtocol])
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  );
}
