import { packaging } from "./packaging.ts";

/** What to run, as spawn takes it. */
export interface Command {
  file: string;
  args: string[];
}

/**
 * The command that starts this very program again with other arguments, on the same Node (never the one in PATH):
 * from source, from the bundle and from the single executable.
 */
export function selfCommand(args: readonly string[]): Command {
  if (packaging === "executable") return { file: process.execPath, args: [...args] };
  const script = process.argv[1];
  if (script === undefined) throw new Error("Cannot start this program again: Node was started without a script");
  return { file: process.execPath, args: [...process.execArgv, script, ...args] };
}
