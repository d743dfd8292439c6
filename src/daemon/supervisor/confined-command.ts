import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../lib/self-command.ts";

/**
 * What the dataplane may still do until it has become a user of its own: that change itself, and reading its program
 * wherever it lies.
 */
const KEPT_CAPABILITIES = "-all,+setuid,+setgid,+dac_read_search";

/** The user that the dataplane becomes: no account has it, and it lies within the 65536 ids of a usual subuid range. */
export const DATAPLANE_USER = { uid: 64_790, gid: 64_790 } as const;

export interface ConfineOptions {
  /** Runs in the network namespace of rootless Podman's bridges. */
  readonly rootless: boolean;
  readonly path?: string | undefined;
}

/** The command in front of which everything is put that takes rights away from it. */
export function confinedCommand(
  { file, args }: Command,
  { rootless, path = process.env["PATH"] }: ConfineOptions,
): Command {
  const words = [
    ...(rootless ? ["podman", "unshare", "--rootless-netns"] : []),
    // Part of util-linux. Where it is missing, the change of user alone takes the capabilities away.
    ...(isInstalled("setpriv", path)
      ? [
          "setpriv",
          "--no-new-privs",
          "--inh-caps=-all",
          "--ambient-caps=-all",
          `--bounding-set=${KEPT_CAPABILITIES}`,
          "--",
        ]
      : []),
    file,
    ...args,
  ];
  return { file: words[0] ?? file, args: words.slice(1) };
}

function isInstalled(program: string, path = ""): boolean {
  return path.split(":").some((directory) => directory !== "" && existsSync(join(directory, program)));
}
