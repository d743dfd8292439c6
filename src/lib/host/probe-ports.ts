import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, isIPv6 } from "node:net";
import { fail, type HostProbe, ok } from "./host-probe.ts";
import { findRunningAgent } from "./running-agent.ts";

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly kind: "tcp" | "udp";
  readonly flag: string;
}

const INGRESS_FLAGS = "--ingress-port or --ingress-tls-port";

/** Whether the agent's ports can be bound. Where an agent runs already it has them, or it would not run. */
export const agentPorts: HostProbe = {
  name: "ports",
  run: async ({ ports, rootless }) => {
    const running = await findRunningAgent();
    if (running) return ok(`held by the agent that runs here, pid ${running.pid}, --data-dir ${running.dataDir}`);
    const cluster = ports.cluster && { ...ports.cluster, flag: "--bind-addr" };
    const wanted: readonly Wanted[] = [
      { ...ports.api, flag: "--api-addr", kind: "tcp" },
      { ...ports.http, flag: "--http-addr", kind: "tcp" },
      ...ports.ingress.map((port) => ({ host: "0.0.0.0", port, flag: INGRESS_FLAGS, kind: "tcp" as const })),
      ...(cluster
        ? [
            { ...cluster, kind: "tcp" as const },
            { ...cluster, kind: "udp" as const },
          ]
        : []),
    ];
    for (const { host, port, flag, kind } of wanted) {
      const code = await (kind === "tcp" ? bindError(host, port) : bindErrorUdp(host, port));
      if (code === "EACCES") {
        const lowest = readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8").trim();
        return fail(
          `port ${port} is below ${lowest}, which ${rootless ? "a user" : "this process"} may not bind`,
          `as root: sysctl -w net.ipv4.ip_unprivileged_port_start=${Math.min(port, 80)}; or choose another with ${flag}`,
        );
      }
      if (code !== undefined)
        return fail(
          `${kind === "udp" ? "UDP port" : "port"} ${port} on ${host} cannot be bound: ${code}`,
          `ss -${kind === "udp" ? "lunp" : "ltnp"} 'sport = :${port}' shows who has it; choose another with ${flag}`,
        );
    }
    return ok(wanted.map(({ port, kind }) => (kind === "udp" ? `${port}/udp` : port)).join(", "));
  },
};

function bindError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindErrorUdp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
