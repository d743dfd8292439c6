import { mkdirSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { packaging } from "./packaging.ts";

/**
 * Lets Node keep compiled code between starts, which halves them. Node's own default lies in /tmp, where another user
 * could put code for us to run, so it goes to a folder of ours; where that cannot be had, there is no cache.
 */
export function keepCompiledCode(): void {
  if (packaging === "executable") return;
  const folder = ownFolder();
  if (folder !== undefined) enableCompileCache(folder);
}

function ownFolder(): string | undefined {
  const user = process.getuid?.() ?? 0;
  try {
    const parent = user === 0 ? "/var/cache" : (process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"));
    const folder = join(parent, "podman-swarm", "compiled");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    return uid === user && (mode & 0o022) === 0 ? folder : undefined;
  } catch {
    return undefined; // A read-only or missing home: starting a little slower is the whole harm.
  }
}
