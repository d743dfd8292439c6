import { text } from "node:stream/consumers";
import { ApiError } from "../api/api-error.ts";
import { ConnectionError } from "../client/api-client.ts";
import { askSecret } from "../lib/host/ask-secret.ts";
import { describeError } from "../lib/log.ts";
import { VERSION } from "../lib/version.ts";
import { COMMON_FLAGS, parseArguments, plainSwitches } from "./arguments.ts";
import type { Command, CommandFlag } from "./command.ts";
import { COMMANDS } from "./commands/all.ts";
import { JsonPathError } from "./output/jsonpath.ts";
import { visible } from "./output/visible.ts";
import { Session, type SessionDeps, type Streams } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** Runs psctl with the arguments after its name and resolves with its exit code. */
export async function runPsctlCommand(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // `psctl get pods | head` is no failure.
    throw error;
  });
  const streams: Streams = {
    out: (line) => process.stdout.write(line),
    err: (line) => process.stderr.write(line),
    input: () => text(process.stdin),
    terminal: process.stdout.isTTY,
    ...(process.stdin.isTTY && process.stderr.isTTY
      ? { ask: (question: string) => askSecret(question, { signal: interrupted.signal }) }
      : {}),
  };
  return await runPsctl(args, { streams, env: process.env, signal: interrupted.signal });
}

/** The same with given streams and environment. Exit codes: 0 done, 1 refused or failed, 2 not understood. */
export async function runPsctl(argv: readonly string[], deps: SessionDeps): Promise<number> {
  const [name, ...rest] = splitName(argv);
  const { out, err } = deps.streams;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = rest[0] === undefined ? undefined : COMMANDS.find((command) => command.name === rest[0]);
    out(asked ? commandHelp(asked) : overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    out(`psctl ${VERSION}\n`);
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) {
    err(`error: unknown command ${JSON.stringify(name)}. See psctl --help\n`);
    return 2;
  }
  let session: Session | undefined;
  try {
    const args = parseArguments(command, plainSwitches(command, rest));
    if (args.has("help")) {
      out(commandHelp(command));
      return 0;
    }
    session = new Session(deps, args);
    await session.lookAround();
    return await command.run(session, args);
  } catch (error) {
    if (deps.signal.aborted) return 130;
    err(visible(explain(error, session)));
    return error instanceof UsageError || error instanceof JsonPathError ? 2 : 1;
  } finally {
    session?.close();
  }
}

/** Common flags may stand before the command's name, as with kubectl. */
function splitName(argv: readonly string[]): readonly string[] {
  const before: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-") || /^(--help|-h|--version)$/.test(word)) return [word, ...argv.slice(at + 1), ...before];
    before.push(word);
    const flag = COMMON_FLAGS.find((known) => word === `--${known.name}` || word === `-${known.short}`);
    if (flag && flag.type !== "switch") before.push(argv[++at] ?? "");
  }
  return [];
}

function explain(error: unknown, session: Session | undefined): string {
  if (error instanceof ApiError) {
    const hint =
      error.reason === "Unauthorized" && session
        ? `\nAsked ${session.target.connection.server} with the credentials of ${session.target.origin}. Give a token with --token-file, PSCTL_TOKEN or psctl config set-token.`
        : "";
    return `Error from server (${error.reason}): ${error.message}${hint}\n`;
  }
  if (error instanceof ConnectionError && session) {
    return `error: ${error.message}\nThe server came from ${session.target.origin}. Name another with --server, PSCTL_SERVER or psctl config set-server; psctl doctor checks this host.\n`;
  }
  return `error: ${describeError(error)}\n`;
}

function overview(): string {
  const rows = COMMANDS.map((command) => `  ${command.name.padEnd(12)} ${command.summary}`);
  return [
    "psctl steers a Podman Swarm. Its words are kubectl's.",
    "",
    "Usage: psctl COMMAND [ARGUMENTS] [FLAGS]",
    "",
    ...rows,
    "",
    "psctl COMMAND --help tells more. Flags of all commands:",
    ...flagRows(COMMON_FLAGS),
    "",
  ].join("\n");
}

function commandHelp(command: Command): string {
  return [
    `${command.summary}.`,
    "",
    `Usage: psctl ${command.name} ${command.usage}`,
    "",
    ...(command.examples ? ["Examples:", ...command.examples.map((example) => `  ${example}`), ""] : []),
    ...(command.flags.length > 0 ? ["Flags:", ...flagRows(command.flags), ""] : []),
    "Flags of all commands:",
    ...flagRows(COMMON_FLAGS.filter(({ name }) => !command.flags.some((own) => own.name === name))),
    "",
  ].join("\n");
}

function flagRows(flags: readonly CommandFlag[]): string[] {
  return flags.map((flag) => {
    const value = flag.type === "switch" ? "" : `=${flag.placeholder ?? "VALUE"}`;
    const left = `${flag.short === undefined ? "    " : `-${flag.short}, `}--${flag.name}${value}`;
    return `  ${left.padEnd(34)} ${flag.meaning}`;
  });
}
