import { readFileSync } from "node:fs";
import { DamagedFile } from "../lib/damaged-file.ts";
import { createLogger, describeError } from "../lib/log.ts";
import { VERSION } from "../lib/version.ts";
import { ConfigError } from "./config/agent-config.ts";
import { helpText } from "./config/flags.ts";
import { loadConfig } from "./config/load-config.ts";
import { REFUSED_EXIT_CODE } from "./handles/socket-messages.ts";
import { readSettings } from "./config/read-settings.ts";

/** The hidden first arguments with which the supervisor starts its two children. */
export const AGENT_ROLE = "run-agent";
export const DATAPLANE_ROLE = "run-dataplane";

/** The hidden first argument with which psctl lets this node join; the join token is read from the standard input. */
const JOIN_ROLE = "run-join";

/** Exit code for flags that cannot be used (sysexits.h, EX_USAGE). */
const USAGE_EXIT_CODE = 64;

/** Runs the agent binary with the arguments after its name and resolves with its exit code. */
export async function runAgentCommand(args: readonly string[]): Promise<number> {
  const [role, ...rest] = args;
  if (role === DATAPLANE_ROLE) {
    const { runDataplane } = await import("./dataplane/run-dataplane.ts");
    return await runDataplane();
  }
  try {
    if (role === JOIN_ROLE) return await join(rest);
    const own = role === AGENT_ROLE ? rest : args;
    const { settings, help, version } = await readSettings(own, process.env);
    if (help || version) {
      process.stdout.write(help ? helpText() : `podman-swarm-agent ${VERSION}\n`);
      return 0;
    }
    const config = loadConfig(settings, process.env);
    const logger = createLogger({ level: config.logLevel, format: config.logFormat });
    if (role === AGENT_ROLE) {
      const { runAgent } = await import("./agent/run-agent.ts");
      return await runAgent(config, logger.with({ process: "agent" }));
    }
    const { runSupervisor } = await import("./supervisor/run-supervisor.ts");
    return await runSupervisor(config, { argv: own, logger: logger.with({ process: "supervisor" }) });
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof DamagedFile)) throw error;
    process.stderr.write(`${error instanceof DamagedFile ? error.message : describeError(error)}\n`);
    return error instanceof DamagedFile ? REFUSED_EXIT_CODE : USAGE_EXIT_CODE;
  }
}

/** Prints one line of JSON; refusals go to the standard error, a sentence each. */
async function join(args: readonly string[]): Promise<number> {
  const { settings } = await readSettings(args, process.env);
  const text = readFileSync(process.stdin.fd, "utf8").trim();
  const token = { text, source: "the join token" };
  const config = loadConfig(new Map([...settings, ["join-token", token]]), process.env);
  try {
    const { runJoin } = await import("./supervisor/run-join.ts");
    const joined = await runJoin(config);
    process.stdout.write(`${JSON.stringify({ joined, dataDir: config.dataDir, nodeName: config.nodeName })}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    return REFUSED_EXIT_CODE;
  }
}
