import { readFileSync } from "node:fs";
import type { BindError } from "./bound-handle.ts";
import { portHolder } from "./port-holder.ts";
import { describeSocket, type SocketSpec } from "./socket-spec.ts";

/** One sentence that says which socket, why, and what to do about it. */
export function bindRefusal(spec: SocketSpec, error: BindError): string {
  const start = `Cannot bind the ${spec.name} socket ${describeSocket(spec)}`;
  if (spec.kind === "unix") return `${start}: ${error.code}`;
  const ways = [
    ...(spec.flag === undefined ? [] : [`choose another port with ${spec.flag}`]),
    ...(spec.disable === undefined ? [] : [`do without it with ${spec.disable}`]),
  ];
  if (error.code === "EADDRINUSE") {
    const holder = portHolder(spec.kind, spec.port);
    return sentence(`${start}: the port is in use${holder === undefined ? "" : ` by ${holder}`}`, [
      ...(holder === undefined ? [] : ["stop that process"]),
      ...ways,
    ]);
  }
  if (error.code === "EACCES" && spec.port < unprivilegedPortStart()) {
    return sentence(`${start}: ports below ${unprivilegedPortStart()} are reserved for root`, [
      `let users bind it with: sudo sysctl net.ipv4.ip_unprivileged_port_start=${spec.port}`,
      ...ways,
    ]);
  }
  if (error.code === "EADDRNOTAVAIL") return sentence(`${start}: this host does not have that address`, ways);
  return sentence(`${start}: ${error.code}`, ways);
}

function sentence(problem: string, ways: readonly string[]): string {
  return ways.length === 0 ? problem : `${problem}; ${ways.join(", or ")}`;
}

function unprivilegedPortStart(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  } catch {
    return 1024; // the kernel's default, where /proc/sys is hidden
  }
}
