import { resolve } from "node:path";
import type { Arguments, CommandFlag } from "../command.ts";
import { UsageError } from "../usage-error.ts";

/** Flags of the agent that are often needed; all others stand after `--`. */
export const AGENT_FLAGS: readonly CommandFlag[] = [
  { name: "node-name", type: "text", placeholder: "NAME", meaning: "the node's name (default: the host name)" },
  {
    name: "advertise-addr",
    type: "text",
    placeholder: "IP",
    meaning: "this host's address, as the others reach it (default: that of the default route)",
  },
  { name: "data-dir", type: "text", placeholder: "DIR", meaning: "where the agent keeps its state" },
];

/** Their values are paths. The agent runs elsewhere than psctl, and again after a reboot. */
const PATHS = /^--(?:data-dir|config|podman-socket|tls-cert|tls-key|tls-ca|[a-z-]+-file)$/;

/** The flags of the agent that stand in a command's arguments, as they mean the same from any directory. */
export function agentFlags(args: Arguments): readonly string[] {
  const own = AGENT_FLAGS.flatMap(({ name }) => {
    const value = args.text(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  return lasting([...own, ...args.rest]);
}

export function lasting(words: readonly string[]): readonly string[] {
  return words.map((word, at) => {
    const [, name = "", value = ""] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const before = words[at - 1] ?? "";
    if (PATHS.test(name)) return `${name}=${absolute(name, value)}`;
    return PATHS.test(before) ? absolute(before, word) : word;
  });
}

function absolute(flag: string, path: string): string {
  if (path !== "-") return /^[a-z]+:\/\//.test(path) ? path : resolve(path);
  throw new UsageError(`${flag}=- cannot be: the agent runs without psctl's standard input. Name a file`);
}
