import { VERSION } from "../lib/version.ts";

const HELP = `Usage: psctl COMMAND [FLAGS]

Steers a Podman Swarm.

  --version  print the version
  --help     print this
`;

/** Runs psctl with the arguments after its name and resolves with its exit code. */
export async function runPsctlCommand(args: readonly string[]): Promise<number> {
  if (args.includes("--version")) {
    process.stdout.write(`psctl ${VERSION}\n`);
    return 0;
  }
  process.stdout.write(HELP);
  return args.includes("--help") ? 0 : 2;
}
