import type { Container, Probe } from "../../api/kinds.ts";
import type { ProbeCheck } from "../ports.ts";

export type HttpTarget = NonNullable<Probe["httpGet"]>;

/** The check behind a probe that goes over the network; undefined for a command. */
export function probeCheck(probe: Probe, container: Container, podIp: string): ProbeCheck | undefined {
  if (probe.httpGet) return httpCheck(probe.httpGet, container, podIp);
  if (probe.tcpSocket) {
    const { host, port } = probe.tcpSocket;
    return { type: "tcp", host: host || podIp, port: portNumber(port, container) };
  }
  if (probe.grpc) return { type: "grpc", host: podIp, port: probe.grpc.port, service: probe.grpc.service ?? "" };
  return undefined;
}

export function httpCheck(target: HttpTarget, container: Container, podIp: string): ProbeCheck & { type: "http" } {
  return {
    type: "http",
    host: target.host || podIp,
    port: portNumber(target.port, container),
    path: target.path || "/",
    https: target.scheme === "HTTPS",
    headers: target.httpHeaders ?? [],
  };
}

function portNumber(port: string | number | object, container: Container): number {
  const named = (container.ports ?? []).find(({ name }) => name !== undefined && name === port);
  const number = named?.containerPort ?? Number(port);
  if (!Number.isInteger(number))
    throw new Error(`container ${container.name} has no port named ${JSON.stringify(port)}`);
  return number;
}
