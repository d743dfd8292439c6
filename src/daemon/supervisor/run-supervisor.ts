import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { selfCommand } from "../../lib/self-command.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";
import type { NetworkSocketSpec, SocketSpec } from "../handles/socket-spec.ts";
import { confinedCommand, DATAPLANE_USER } from "./confined-command.ts";
import { Supervisor } from "./supervisor.ts";
import { typedPassphrase } from "./typed-passphrase.ts";
import type { ChildCommand } from "./supervisor-options.ts";

/** sun_path of unix(7), with its closing zero. */
const LONGEST_SOCKET_PATH = 107;

/** Where agent and dataplane meet. */
export function controlSocketPath(dataDir: string): string {
  return join(dataDir, "dataplane.sock");
}

/** Runs the supervisor until SIGTERM or SIGINT and resolves with the exit code. */
export async function runSupervisor(
  config: AgentConfig,
  { argv, logger }: { readonly argv: readonly string[]; readonly logger: Logger },
): Promise<number> {
  prepareDataDir(config.dataDir);
  const passphrase = await typedPassphrase(config);
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const)
    process.once(name, () => stop.abort(new Error(`Received ${name}`)));
  const supervisor = new Supervisor(
    { clock: systemClock, logger },
    {
      dataDir: config.dataDir,
      alone: true,
      sockets: socketsOf(config),
      probed: probesOf(config),
      agent: agentCommand(argv, passphrase),
      dataplane: dataplaneCommand(config),
    },
  );
  return await supervisor.run(stop.signal);
}

/** Membership binds it in a worker, to which no bound socket can be sent. */
export function probesOf({ bindAddr }: AgentConfig): NetworkSocketSpec[] {
  return [{ name: "cluster", kind: "udp", to: "agent", ...bindAddr, flag: "--bind-addr" }];
}

export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    chmodSync(dataDir, 0o700);
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError(`Cannot use --data-dir ${dataDir}: ${message}`, { cause: error });
  }
}

export function socketsOf(config: AgentConfig): SocketSpec[] {
  const control = controlSocketPath(config.dataDir);
  if (Buffer.byteLength(control) > LONGEST_SOCKET_PATH) {
    throw new ConfigError(
      `Cannot use --data-dir ${config.dataDir}: a unix socket's path in it would be too long; use a shorter one`,
    );
  }
  const ingress = (name: string, port: number, flag: string): SocketSpec => ({
    name,
    kind: "tcp",
    to: "dataplane",
    host: "0.0.0.0",
    port,
    flag,
    disable: "--enable-ingress=false",
  });
  return [
    { name: "cluster", kind: "tcp", to: "agent", ...config.bindAddr, flag: "--bind-addr" },
    { name: "api", kind: "tcp", to: "agent", ...config.apiAddr, flag: "--api-addr" },
    { name: "http", kind: "tcp", to: "agent", ...config.httpAddr, flag: "--http-addr" },
    ...(config.enableIngress
      ? [
          ingress("ingress", config.ingressPort, "--ingress-port"),
          ingress("ingress-tls", config.ingressTlsPort, "--ingress-tls-port"),
        ]
      : []),
    { name: "control", kind: "unix", to: "dataplane", path: control },
  ];
}

/**
 * glibc gives each thread that allocates an arena of its own and keeps what is freed there; Node's threads allocate little
 * at the same time. Ten megabytes of an idle agent were such room. What the user sets counts.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: "2" };

/** The agent reads the same flags and environment again: its settings never stand in a second place. */
function agentCommand(argv: readonly string[], passphrase: string | undefined): ChildCommand {
  const given = passphrase === undefined ? [] : ["--unlock-passphrase-file=-"];
  const { file, args } = selfCommand(["run-agent", ...argv, ...given]);
  return {
    name: "agent",
    file,
    args,
    env: { ...ALLOCATOR, ...process.env },
    ...(passphrase === undefined ? {} : { input: passphrase }),
  };
}

/** The dataplane reads hostile input: it gets no environment but what a program needs to start, and no settings. */
function dataplaneCommand(config: AgentConfig): ChildCommand {
  const { file, args } = selfCommand(["run-dataplane", config.logLevel, config.logFormat]);
  const names = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "TMPDIR",
  ];
  const given = Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const command = confinedCommand({ file, args }, { rootless: config.rootless });
  return { name: "dataplane", ...command, env: { ...ALLOCATOR, ...given }, dropTo: DATAPLANE_USER };
}
