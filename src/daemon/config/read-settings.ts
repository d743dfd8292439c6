import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeError } from "../../lib/log.ts";
import { ConfigError } from "./agent-config.ts";
import { environmentName, type Flag, type FlagName, FLAGS } from "./flags.ts";

/** Raw texts by flag name, and where each came from (for error messages). */
export type Settings = ReadonlyMap<FlagName, { readonly text: string; readonly source: string }>;

export interface SettingsRequest {
  readonly settings: Settings;
  readonly help: boolean;
  readonly version: boolean;
}

const ALL: readonly Flag[] = FLAGS;

/** Collects flags, environment and the configuration file: flags win over the environment, which wins over the file. */
export async function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<SettingsRequest> {
  const flags = parseFlags(argv);
  const file = flags.get("config") ?? env["PODMAN_SWARM_CONFIG"];
  const fromFile = file === undefined ? new Map<string, string>() : await readConfigFile(file);
  const settings = new Map<FlagName, { text: string; source: string }>();
  for (const flag of ALL) {
    const found = settingOf(flag, { flags, env, fromFile, file });
    if (found) settings.set(flag.name as FlagName, found);
  }
  return { settings, help: flags.has("help"), version: flags.has("version") };
}

function parseFlags(argv: readonly string[]): Map<string, string> {
  const names = [...ALL.flatMap((flag) => (flag.secret ? [flag.name, `${flag.name}-file`] : [flag.name])), "config"];
  const booleans = new Set([
    ...ALL.filter((flag) => flag.value === "boolean").map((flag) => flag.name),
    "help",
    "version",
  ]);
  // parseArgs has no booleans with values ("--enable-ingress=false"): such arguments are taken out before.
  const result = new Map<string, string>();
  const rest: string[] = [];
  for (const argument of argv) {
    const match = /^--([a-z-]+)(?:=(.*))?$/s.exec(argument);
    const name = match?.[1];
    if (name !== undefined && booleans.has(name)) result.set(name, match?.[2] ?? "true");
    else rest.push(argument === "-h" ? "--help" : argument);
  }
  if (rest.includes("--help")) return result.set("help", "true");
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    const { values } = parseArgs({ args: rest, options, strict: true, allowPositionals: false });
    for (const [name, value] of Object.entries(values)) if (typeof value === "string") result.set(name, value);
  } catch (error) {
    const text = error instanceof Error ? error.message.split(". To specify")[0] : String(error);
    throw new ConfigError(`Cannot read the command line: ${text}. See podman-swarm-agent --help`);
  }
  return result;
}

async function readConfigFile(path: string): Promise<Map<string, string>> {
  let content: unknown;
  try {
    // Loaded only here: the supervisor stays small without it.
    const { parse } = await import("yaml");
    content = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ConfigError(`Cannot read --config ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (content === null || content === undefined) return new Map();
  if (typeof content !== "object" || Array.isArray(content)) {
    throw new ConfigError(`Cannot read --config ${path}: expected "name: value" lines with the names of the flags`);
  }
  const known = new Set(ALL.flatMap((flag) => (flag.secret ? [flag.name, `${flag.name}-file`] : [flag.name])));
  const result = new Map<string, string>();
  for (const [name, value] of Object.entries(content)) {
    if (!known.has(name)) throw new ConfigError(`Cannot read --config ${path}: unknown name "${name}"`);
    result.set(name, settingText(value, `${path}: ${name}`));
  }
  return result;
}

function settingText(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.map((item) => settingText(item, where)).join(",");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, item]) => `${key}=${settingText(item, where)}`)
      .join(",");
  }
  throw new ConfigError(`Cannot use ${where}: it has no value`);
}

interface Sources {
  readonly flags: ReadonlyMap<string, string>;
  readonly env: NodeJS.ProcessEnv;
  readonly fromFile: ReadonlyMap<string, string>;
  readonly file: string | undefined;
}

function settingOf(flag: Flag, sources: Sources): { text: string; source: string } | undefined {
  const inOrder = (name: string): { text: string; source: string } | undefined => {
    const plain = environmentName(name);
    const candidates: readonly (readonly [string | undefined, string])[] = [
      [sources.flags.get(name), `--${name}`],
      [sources.env[`PODMAN_SWARM_${plain}`], `PODMAN_SWARM_${plain}`],
      [sources.env[plain], plain],
      [sources.fromFile.get(name), `${name} in ${sources.file}`],
    ];
    for (const [text, source] of candidates) if (text !== undefined && text !== "") return { text, source };
    return undefined;
  };
  const direct = inOrder(flag.name);
  if (direct || !flag.secret) return direct;
  const file = inOrder(`${flag.name}-file`);
  if (!file) return undefined;
  try {
    return { text: readFileSync(file.text, "utf8").trim(), source: file.source };
  } catch (error) {
    throw new ConfigError(`Cannot read ${file.source} ${file.text}: ${describeError(error)}`);
  }
}
