import type { SandboxSpec } from "../runtime-port.ts";
import { LABEL, ownerLabels } from "./labels.ts";
import { sandboxName } from "./names.ts";

/** libpod's PodSpecGenerator (podman 4.3, `pkg/specgen/podspecgen.go`). */
export function sandboxBody(node: string, spec: SandboxSpec): object {
  return {
    name: sandboxName(node, spec),
    labels: { ...ownerLabels(node, spec.pod), [LABEL.sandboxAttempt]: String(spec.attempt) },
    shared_namespaces: ["net", "ipc", "uts", ...(spec.sharePids ? ["pid"] : [])],
    // Our own files are mounted over both in every container.
    no_manage_resolv_conf: true,
    no_manage_hosts: true,
    ...(spec.network
      ? {
          hostname: spec.hostname,
          netns: { nsmode: "bridge" },
          Networks: { [spec.network.name]: { static_ips: [spec.network.ip] } },
        }
      : { netns: { nsmode: "host" } }),
    ...(spec.ports.length > 0 && spec.network ? { portmappings: spec.ports.map(portMapping) } : {}),
    ...(Object.keys(spec.sysctls).length > 0 ? { sysctl: spec.sysctls } : {}),
  };
}

function portMapping(port: SandboxSpec["ports"][number]): object {
  return {
    container_port: port.containerPort,
    host_port: port.hostPort,
    protocol: port.protocol,
    ...(port.hostIp === undefined ? {} : { host_ip: port.hostIp }),
  };
}
