import { parseArgs } from "node:util";
import type { Arguments, Command, CommandFlag } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** Flags that every command takes. */
export const COMMON_FLAGS: readonly CommandFlag[] = [
  { name: "namespace", short: "n", type: "text", placeholder: "NAME", meaning: "the namespace (default: default)" },
  { name: "server", type: "text", placeholder: "URL", meaning: "the API server" },
  { name: "token-file", type: "text", placeholder: "FILE", meaning: "a file with the bearer token" },
  { name: "token", type: "text", placeholder: "TOKEN", meaning: "the bearer token; visible in the process list" },
  { name: "certificate-authority", type: "text", placeholder: "FILE", meaning: "the cluster's CA certificate" },
  { name: "kubeconfig", type: "text", placeholder: "FILE", meaning: "take server and credentials from a kubeconfig" },
  { name: "help", short: "h", type: "switch", meaning: "print the command's help" },
];

/** Parses what follows the command's name. Flags and words may be mixed; `--` ends the flags. */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const flags = [...command.flags, ...COMMON_FLAGS];
  const separator = argv.indexOf("--");
  const own = separator < 0 ? argv : argv.slice(0, separator);
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        flags.map((flag) => [
          flag.name,
          {
            type: flag.type === "switch" ? ("boolean" as const) : ("string" as const),
            multiple: flag.type === "list",
            ...(flag.short === undefined ? {} : { short: flag.short }),
          },
        ]),
      ),
    });
    const list = (name: string): string[] => {
      const value = values[name];
      return value === undefined ? [] : [value].flat().map(String);
    };
    return {
      positionals,
      rest: separator < 0 ? [] : argv.slice(separator + 1),
      has: (name) => values[name] === true || list(name).length > 0,
      text: (name) => list(name).at(-1),
      list,
    };
  } catch (error) {
    const text = (error as Error).message.split(". To specify")[0] ?? "";
    throw new UsageError(`${text}. See psctl ${command.name} --help`);
  }
}

/** Takes `--flag=false` and `--flag=true` for switches, which parseArgs does not know. */
export function plainSwitches(command: Command, argv: readonly string[]): readonly string[] {
  const switches = new Set([...command.flags, ...COMMON_FLAGS].filter((f) => f.type === "switch").map((f) => f.name));
  return argv.flatMap((argument) => {
    const match = /^--([a-z-]+)=(true|false)$/.exec(argument);
    if (!match || !switches.has(match[1] ?? "")) return [argument];
    return match[2] === "true" ? [`--${match[1]}`] : [];
  });
}

export function wholeNumber(args: Arguments, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new UsageError(`--${name} ${JSON.stringify(text)}: expected a whole number`);
  return Number(text);
}

/** A Go duration such as `90s`, `5m`, `1h30m`, in milliseconds. */
export function duration(args: Arguments, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new UsageError(`--${name} ${JSON.stringify(text)}: expected a duration such as 30s, 5m or 1h30m`);
  }
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ""] ?? 0),
    0,
  );
}
