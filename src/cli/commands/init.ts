import { ConnectionError } from "../../client/api-client.ts";
import { findRunningAgent } from "../../lib/host/running-agent.ts";
import type { Arguments, Command } from "../command.ts";
import { AGENT_FLAGS, agentFlags } from "../local-agent/agent-flags.ts";
import { agentProgram } from "../local-agent/agent-program.ts";
import { dataDirOf } from "../local-agent/data-dir.ts";
import { startAgent } from "../local-agent/start-agent.ts";
import { waitForAgent } from "../local-agent/wait-for-agent.ts";
import type { Session } from "../session.ts";
import { readSettings, settingsPath } from "../settings.ts";
import { readMembers, sizeOf } from "./members.ts";
import { joinHelp, type NewToken } from "./token.ts";

const TOKEN_SECONDS = 86_400;

interface Health {
  readonly status: string;
  readonly failed?: readonly string[];
}

export const init: Command = {
  name: "init",
  summary: "Start the agent of this host where none runs, check it, and print how others join and what to try next",
  usage: "[flags] [-- FLAGS OF THE AGENT]",
  examples: ["psctl init", "psctl init --node-name=web1 -- --ingress-port=8000 --ingress-tls-port=8443"],
  flags: AGENT_FLAGS,
  run: async (session, args) => {
    const flags = agentFlags(args);
    // Whoever names a server means that one, and not this host.
    const started = !isServerGiven(session, args) && (await startWhereNoneRuns(session, flags));
    if (!started && flags.length > 0) {
      session.streams.err(`Not used, as no agent is started: ${flags.join(" ")}\n`);
    }
    if (!(await isHealthy(session))) return 1;
    const list = await readMembers(session);
    const size = sizeOf(list);
    session.print(`The cluster ${list.cluster} has ${size === 1 ? "one node" : `${size} nodes`}.`);
    const body = { name: "psctl init", expires_in: TOKEN_SECONDS };
    const made = await session.client.json<NewToken>("POST", "/api/v1/join-tokens", { body, signal: session.signal });
    session.print("");
    session.print(joinHelp(made));
    session.print("");
    session.print(`Credentials came from ${session.target.origin}. For kubectl and others:`);
    session.print("");
    session.print("  psctl kubeconfig > kubeconfig && export KUBECONFIG=$PWD/kubeconfig");
    session.print("");
    session.print("What to try next:");
    session.print("");
    session.print("  kubectl get nodes");
    session.print("  kubectl create deployment hello --image=docker.io/library/nginx:alpine --replicas=2");
    session.print("  kubectl get pods -o wide");
    session.print(size > 1 ? "  psctl members" : "  psctl members        # once another node has joined");
    return 0;
  },
};

function isServerGiven({ env }: Session, args: Arguments): boolean {
  const flags = ["server", "kubeconfig", "token", "token-file"];
  return flags.some((name) => args.has(name)) || Boolean(env["PSCTL_SERVER"]) || hasServer(env);
}

function hasServer(env: NodeJS.ProcessEnv): boolean {
  const { contexts, currentContext } = readSettings(settingsPath(env));
  return contexts[currentContext]?.server !== undefined;
}

/** Gives false where one runs. Rejects with what it said when it could not start. */
async function startWhereNoneRuns(session: Session, flags: readonly string[]): Promise<boolean> {
  if (await findRunningAgent()) return false;
  const { env, signal } = session;
  const dataDir = dataDirOf(flags, env);
  session.print("No agent runs here: starting one.");
  const agent = await startAgent({ words: [...agentProgram(env), ...flags], dataDir, env, signal });
  const { kubeconfig } = await waitForAgent(agent, { withOthers: false, signal });
  session.useKubeconfig(kubeconfig);
  for (const line of agent.told) session.print(line);
  return true;
}

async function isHealthy(session: Session): Promise<boolean> {
  let health: Health;
  try {
    health = await session.client.json<Health>("GET", "/api/v1/health", { signal: session.signal });
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    session.streams.err(
      `${error.message}\nNo agent answers there (${session.target.origin}). psctl init without a server starts one on this ` +
        "host; psctl doctor checks what the host lacks.\n",
    );
    return false;
  }
  if (health.status === "ok") {
    session.print("The node works.");
    return true;
  }
  const failed = health.failed?.join(", ") ?? "";
  session.streams.err(
    `The node is ${health.status}: ${failed}. kubectl describe node says why; psctl doctor checks the host.\n`,
  );
  return false;
}
