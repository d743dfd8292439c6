import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { probeHost } from "../../lib/host/all-probes.ts";
import type { HostQuestion } from "../../lib/host/host-probe.ts";
import { wholeNumber } from "../arguments.ts";
import type { Arguments, Command } from "../command.ts";
import { dataDirOf } from "../local-agent/data-dir.ts";

const MARKS = { ok: "ok", warn: "WARN", fail: "FAIL" } as const;

export const doctor: Command = {
  name: "doctor",
  summary: "Check whether this host has all that an agent needs",
  usage: "[flags]",
  flags: [
    { name: "data-dir", type: "text", placeholder: "DIR", meaning: "where the agent keeps its state" },
    { name: "podman-socket", type: "text", placeholder: "PATH", meaning: "Podman's API socket" },
    { name: "api-port", type: "text", placeholder: "PORT", meaning: "the agent's API port (default: 6443)" },
    { name: "http-port", type: "text", placeholder: "PORT", meaning: "the agent's plain HTTP port (default: 8080)" },
    {
      name: "ingress-port",
      type: "text",
      placeholder: "PORT",
      meaning: "the ingress's port (default: 80); 0 for none",
    },
    {
      name: "ingress-tls-port",
      type: "text",
      placeholder: "PORT",
      meaning: "the ingress's TLS port (default: 443); 0 for none",
    },
    {
      name: "cluster-port",
      type: "text",
      placeholder: "PORT",
      meaning: "the agent's cluster port, over TCP and UDP (default: 7946)",
    },
  ],
  run: async (session, args) => {
    let failures = 0;
    for await (const finding of probeHost(question(args, session.env), { signal: session.signal })) {
      if (finding.result === "fail") failures++;
      session.print(`${MARKS[finding.result].padEnd(5)} ${finding.name.padEnd(18)} ${finding.detail}`);
      if (finding.fix !== undefined) session.print(`${" ".repeat(25)}fix: ${finding.fix}`);
    }
    session.print(
      failures === 0
        ? "This host is ready."
        : `${failures} ${failures === 1 ? "thing needs" : "things need"} mending before an agent can run here.`,
    );
    return failures === 0 ? 0 : 1;
  },
};

function question(args: Arguments, env: NodeJS.ProcessEnv): HostQuestion {
  const { uid } = userInfo();
  const rootless = uid !== 0;
  const runtimeDir = env["XDG_RUNTIME_DIR"] ?? `/run/user/${uid}`;
  const ingress = [wholeNumber(args, "ingress-port") ?? 80, wholeNumber(args, "ingress-tls-port") ?? 443];
  return {
    rootless,
    dataDir: dataDirOf(args.has("data-dir") ? [`--data-dir=${args.text("data-dir")}`] : [], env),
    podmanSocket:
      args.text("podman-socket") ?? (rootless ? join(runtimeDir, "podman/podman.sock") : "/run/podman/podman.sock"),
    ports: {
      api: { host: "0.0.0.0", port: wholeNumber(args, "api-port") ?? 6443 },
      http: { host: "127.0.0.1", port: wholeNumber(args, "http-port") ?? 8080 },
      ingress: ingress.filter((port) => port > 0),
      cluster: { host: "0.0.0.0", port: wholeNumber(args, "cluster-port") ?? 7946 },
    },
    resolvers: [...readFileSync("/etc/resolv.conf", "utf8").matchAll(/^\s*nameserver\s+(\S+)/gm)].map(
      (match) => match[1] ?? "",
    ),
  };
}
