import type { Service } from "../../api/kinds.ts";

/** The variables that Docker's links had, one set a service with a virtual address (core/v1 `enableServiceLinks`). */
export function serviceLinks(services: readonly Service[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    const [first] = ports;
    if (!ip || ip === "None" || !first) continue;
    const name = variable(service.metadata?.name ?? "");
    values[`${name}_SERVICE_HOST`] = ip;
    values[`${name}_SERVICE_PORT`] = String(first.port);
    values[`${name}_PORT`] = `${(first.protocol ?? "TCP").toLowerCase()}://${ip}:${first.port}`;
    for (const port of ports) {
      if (port.name) values[`${name}_SERVICE_PORT_${variable(port.name)}`] = String(port.port);
      const protocol = port.protocol ?? "TCP";
      const prefix = `${name}_PORT_${port.port}_${protocol}`;
      values[prefix] = `${protocol.toLowerCase()}://${ip}:${port.port}`;
      values[`${prefix}_PROTO`] = protocol.toLowerCase();
      values[`${prefix}_PORT`] = String(port.port);
      values[`${prefix}_ADDR`] = ip;
    }
  }
  return values;
}

function variable(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
