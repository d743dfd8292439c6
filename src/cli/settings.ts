import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";

/** One place that psctl can talk to. */
export interface ContextSettings {
  readonly server?: string;
  readonly token?: string;
  readonly namespace?: string;
  /** PEM text of the CA that signs the server's certificate. */
  readonly certificateAuthority?: string;
}

export interface Settings {
  readonly currentContext: string;
  readonly contexts: Readonly<Record<string, ContextSettings>>;
}

export function settingsPath(env: NodeJS.ProcessEnv): string {
  return env["PSCTL_CONFIG"] ?? join(homedir(), ".psctl", "config");
}

export function readSettings(path: string): Settings {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { currentContext: "default", contexts: {} };
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let content: Partial<Settings> | null;
  try {
    content = parse(text) as Partial<Settings> | null;
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return { currentContext: content?.currentContext ?? "default", contexts: content?.contexts ?? {} };
}

/** Replaces the file at once, 0600 in a directory of 0700: it holds tokens. */
export function writeSettings(path: string, settings: Settings): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, stringify(settings), { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}
