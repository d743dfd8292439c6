import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** The start of a process that runs the exported `main` of a module with the given arguments. */
function moduleCommand(url: string, args: readonly string[]): readonly string[] {
  const source = `import(${JSON.stringify(url)}).then(({ main }) => main(process.argv.slice(1)))`;
  return [process.execPath, "--eval", source, "--", ...args];
}

export function spawnModule(
  url: string,
  args: readonly string[],
  wrapper: readonly string[] = [],
): ChildProcessByStdio<null, Readable, null> {
  const [command = "", ...rest] = [...wrapper, ...moduleCommand(url, args)];
  return spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
}
