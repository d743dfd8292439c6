import { join as joinPath } from "node:path";
import { ApiClient } from "../../client/api-client.ts";
import { readKubeconfig } from "../../client/kubeconfig.ts";
import { ProgramError, runProgram } from "../../lib/host/run-program.ts";
import { findRunningAgent, type RunningAgent } from "../../lib/host/running-agent.ts";
import { describeError } from "../../lib/log.ts";
import type { Arguments, Command } from "../command.ts";
import { AGENT_FLAGS, agentFlags } from "../local-agent/agent-flags.ts";
import { agentProgram } from "../local-agent/agent-program.ts";
import { startAgent, stopWords } from "../local-agent/start-agent.ts";
import { waitForAgent } from "../local-agent/wait-for-agent.ts";
import { readSecretFile } from "../read-path.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";
import { type MemberList, sizeOf } from "./members.ts";

export const join: Command = {
  name: "join",
  summary: "Make this host a node of a cluster: join through a member, start the agent, and wait until it works",
  usage: "ADDRESS [--token-file=FILE | --token=-] [flags] [-- FLAGS OF THE AGENT]",
  examples: [
    "psctl join 10.0.0.1                         # asks for the token",
    "psctl join 10.0.0.1:7946 --token-file=join-token",
    "psctl join node1 --token=- --node-name=web2 -- --ingress-port=8000 <join-token",
  ],
  flags: [
    {
      name: "token-file",
      type: "text",
      placeholder: "FILE",
      meaning: "a file with the join token; - reads it from the standard input",
    },
    {
      name: "token",
      type: "text",
      placeholder: "TOKEN",
      meaning: "the join token, visible in the process list; - reads it from the standard input",
    },
    ...AGENT_FLAGS,
  ],
  run: async (session, args) => {
    const [address, ...more] = args.positionals;
    if (address === undefined || more.length > 0) {
      throw new UsageError("Name one member's address: psctl join ADDRESS. psctl init prints it on a member");
    }
    const running = await findRunningAgent();
    if (running) return await runsAlready(session, running, address);
    const token = await joinToken(session, args);
    const flags = agentFlags(args);
    const program = agentProgram(session.env);
    const outcome = await joinOnce([...program, "run-join", `--join=${address}`, ...flags], { session, token });
    if (outcome === undefined) return 1;
    session.print(
      outcome.joined ? `Joined through ${address} as ${outcome.nodeName}.` : "This node is of that cluster already.",
    );
    const words = [...program, ...flags] as const;
    const { env, signal } = session;
    try {
      const agent = await startAgent({ words, dataDir: outcome.dataDir, env, signal });
      const ready = await waitForAgent(agent, { withOthers: true, signal });
      session.print(`The cluster ${ready.cluster} has ${sizeOf(ready)} nodes, and this one works.`);
      for (const line of agent.told) session.print(line);
    } catch (error) {
      signal.throwIfAborted();
      session.streams.err(
        `${describeError(error)}\nThis host stays joined: mend that, and run the same psctl join again.\n`,
      );
      return 1;
    }
    session.print(`\nTry next: psctl members`);
    return 0;
  },
};

/** The token is in no command line and on no disk: it goes from here into the agent's standard input. */
async function joinToken(session: Session, args: Arguments): Promise<string> {
  const file = args.text("token-file");
  const given = args.text("token");
  if (file !== undefined && given !== undefined) throw new UsageError("Give either --token-file or --token");
  if (file !== undefined && file !== "-") return readSecretFile(file);
  if (given !== undefined && given !== "-") return given;
  if (file === "-" || given === "-") return (await session.streams.input()).trim();
  const { ask } = session.streams;
  if (ask === undefined) {
    throw new UsageError("Give the join token with --token-file=FILE, or with --token=- on the standard input");
  }
  return (await ask("Join token (psctl token create prints one on a member): ")).trim();
}

const FLAGS_HINT = / --[a-z]/;

interface Joined {
  /** False where the node was of the cluster before. */
  readonly joined: boolean;
  readonly dataDir: string;
  readonly nodeName: string;
}

/** Undefined when it was refused, which has been told then. */
async function joinOnce(
  words: readonly [string, ...string[]],
  { session, token }: { readonly session: Session; readonly token: string },
): Promise<Joined | undefined> {
  try {
    const { env, signal } = session;
    return JSON.parse(await runProgram(words, { input: token, env, signal })) as Joined;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const said = error.stderr.trim();
    session.streams.err(
      `${said === "" ? error.message : said}\nThis host has not joined, and nothing was left on it.${FLAGS_HINT.test(said) ? " Flags of the agent go behind --." : ""}\n`,
    );
    return undefined;
  }
}

async function runsAlready(session: Session, { pid, dataDir }: RunningAgent, address: string): Promise<number> {
  const who = `An agent runs here already, with pid ${pid} and --data-dir ${dataDir}`;
  const state = await stateOf(dataDir, session.signal);
  if (typeof state === "string") {
    const stop = stopWords({ pid });
    session.streams.err(`${who}, and its API does not answer: ${state}. Look into its log, or stop it with: ${stop}\n`);
    return 1;
  }
  const { cluster, members, pods, removed } = state;
  const size = sizeOf(state);
  const asked = withPort(address);
  if (removed) {
    const steps = [stopWords({ pid }), `psctl join ${address}`].map((line) => `  ${line}`).join("\n");
    session.streams.err(
      `${who}, which was removed from the cluster ${cluster}. To join again, with a new token:\n${steps}\n`,
    );
    return 1;
  }
  if (size > 1 && members.some(({ host, port }) => `${host}:${port}` === asked)) {
    session.print(`This host is a member already: the cluster ${cluster} has ${size} nodes.`);
    return 0;
  }
  const what =
    size > 1
      ? `as a node of the cluster ${cluster}, in which it takes part with ${size - 1} others`
      : `as a cluster of its own ${pods === 0 ? "that runs nothing" : `that runs ${pods === 1 ? "a pod" : `${pods} pods`}`}`;
  const steps =
    size > 1
      ? ["psctl leave"]
      : [
          ...(pods === 0
            ? []
            : ["kubectl delete deployments,statefulsets,daemonsets,jobs,pods --all --all-namespaces"]),
          stopWords({ pid }),
          `mv ${dataDir} ${dataDir}.old`,
        ];
  const lines = ["", ...steps, `psctl join ${address}`].map((line) => (line === "" ? line : `  ${line}`));
  session.streams.err(`${who}, ${what}. To join ${address} instead:\n${lines.join("\n")}\n`);
  return 1;
}

/** What the agent that runs here is part of; a text that says why it does not tell. */
async function stateOf(dataDir: string, signal: AbortSignal): Promise<(MemberList & { pods: number }) | string> {
  let client: ApiClient | undefined;
  try {
    client = new ApiClient(readKubeconfig(joinPath(dataDir, "kubeconfig")).connection);
    const list = await client.json<MemberList>("GET", "/api/v1/members", { signal });
    const { items } = await client.json<{ items: readonly unknown[] }>("GET", "/api/v1/pods", { signal });
    return { ...list, pods: items.length };
  } catch (error) {
    signal.throwIfAborted();
    return describeError(error);
  } finally {
    client?.close();
  }
}

function withPort(address: string): string {
  return /:\d+$/.test(address) ? address : `${address}:7946`;
}
