import { existsSync, rmSync, rmdirSync } from "node:fs";
import { systemClock } from "../../lib/clock.ts";
import { joinOnce } from "../cluster/join-at-start.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";
import { BindError, bindHandle } from "../handles/bound-handle.ts";
import { bindRefusal } from "../handles/bind-refusal.ts";
import { DataDirectoryLock } from "./data-directory-lock.ts";
import { HostLock } from "./host-lock.ts";
import { prepareDataDir, probesOf, socketsOf } from "./run-supervisor.ts";

/**
 * Joins without starting: what `psctl join` runs first, so that every refusal is known before anything is left behind.
 * Looks first whether the agent could start here. Resolves with whether this node was not of the cluster before; rejects
 * with an error that says why not, and what to do.
 */
export async function runJoin(config: AgentConfig): Promise<boolean> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const)
    process.once(name, () => stop.abort(new Error(`Received ${name}`)));
  const existed = existsSync(config.dataDir);
  prepareDataDir(config.dataDir);
  try {
    const lock = DataDirectoryLock.acquire(config.dataDir);
    try {
      const host = await HostLock.acquire(config.dataDir);
      try {
        tryPorts(config);
        return await joinOnce(config, { clock: systemClock, signal: stop.signal });
      } finally {
        host.release();
      }
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!existed) removeEmpty(config.dataDir);
    throw error;
  }
}

function tryPorts(config: AgentConfig): void {
  for (const spec of [...probesOf(config), ...socketsOf(config)]) {
    try {
      bindHandle(spec).close();
      if (spec.kind === "unix") rmSync(spec.path, { force: true });
    } catch (error) {
      if (error instanceof BindError) throw new ConfigError(bindRefusal(spec, error));
      throw error;
    }
  }
}

/** A directory in which something was left stays. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
  }
}
