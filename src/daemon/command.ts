import { VERSION } from "../lib/version.ts";

const HELP = `Usage: podman-swarm-agent [FLAGS]

Runs one node of a Podman Swarm.

  --version  print the version
  --help     print this
`;

/** Runs the agent binary with the arguments after its name and resolves with its exit code. */
export async function runAgentCommand(args: readonly string[]): Promise<number> {
  if (args.includes("--version")) {
    process.stdout.write(`podman-swarm-agent ${VERSION}\n`);
    return 0;
  }
  process.stdout.write(HELP);
  return args.includes("--help") ? 0 : 2;
}
