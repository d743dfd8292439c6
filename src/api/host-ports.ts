import type { Pod } from "./kinds.ts";

/** A port of the host that a pod takes for itself. */
export interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}

/** Of the containers that stay, sidecars included. On the host's network every port is the host's. */
export function hostPorts({ spec }: Pod): HostPort[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .map(({ hostPort, containerPort, hostIP, protocol = "TCP" }) => ({
      ip: hostIP || "0.0.0.0",
      port: hostPort || (spec?.hostNetwork === true ? containerPort : 0),
      protocol,
    }))
    .filter(({ port }) => port > 0);
}

export function collide(a: HostPort, b: HostPort): boolean {
  const any = (ip: string): boolean => ip === "0.0.0.0" || ip === "::";
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || any(a.ip) || any(b.ip));
}
