import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fail, type HostProbe, ok } from "./host-probe.ts";
import { findRunningAgent } from "./running-agent.ts";

/** Whether the agent's ports can be bound. Where an agent runs already it has them, or it would not run. */
export const agentPorts: HostProbe = {
  name: "ports",
  run: async ({ ports, rootless }) => {
    const running = await findRunningAgent();
    if (running) return ok(`held by the agent that runs here, pid ${running.pid}, --data-dir ${running.dataDir}`);
    const wanted = [
      { ...ports.api, flag: "--api-addr" },
      { ...ports.http, flag: "--http-addr" },
      ...ports.ingress.map((port) => ({ host: "0.0.0.0", port, flag: "--ingress-port or --ingress-tls-port" })),
    ];
    for (const { host, port, flag } of wanted) {
      const code = await bindError(host, port);
      if (code === "EACCES") {
        const lowest = readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8").trim();
        return fail(
          `port ${port} is below ${lowest}, which ${rootless ? "a user" : "this process"} may not bind`,
          `as root: sysctl -w net.ipv4.ip_unprivileged_port_start=${Math.min(port, 80)}; or choose another with ${flag}`,
        );
      }
      if (code !== undefined)
        return fail(
          `port ${port} on ${host} cannot be bound: ${code}`,
          `ss -ltnp 'sport = :${port}' shows who has it; choose another with ${flag}`,
        );
    }
    return ok(wanted.map(({ port }) => port).join(", "));
  },
};

function bindError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
