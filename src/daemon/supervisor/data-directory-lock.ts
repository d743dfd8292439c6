import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { directoryInPlace } from "../../lib/damaged-file.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";

interface LockContent {
  readonly holder: ProcessIdentity;
  readonly children: readonly ProcessIdentity[];
}

/**
 * One supervisor per data directory. The file `lock` names its holder by pid and start time, so that a lock left by a
 * crash is recognised; it also names the children, which may outlive a supervisor that was killed for a moment.
 */
export class DataDirectoryLock {
  readonly #file: string;
  readonly #holder: ProcessIdentity;
  /** Processes of a supervisor that ended without cleaning up: they must be gone before their work is taken over. */
  readonly orphans: readonly ProcessIdentity[];

  private constructor(file: string, holder: ProcessIdentity, orphans: readonly ProcessIdentity[]) {
    this.#file = file;
    this.#holder = holder;
    this.orphans = orphans;
  }

  /** Throws when another supervisor runs on the directory, which must exist. */
  static acquire(directory: string): DataDirectoryLock {
    const file = join(directory, "lock");
    const holder = identifyProcess(process.pid);
    if (holder === undefined) throw new Error("Cannot lock the data directory: /proc is not mounted");
    const mine = `${file}.${process.pid}`;
    try {
      writeFileSync(mine, content({ holder, children: [] }), { mode: 0o600 });
    } catch (cause) {
      rmSync(mine, { force: true });
      throw new Error(`Cannot write to the data directory ${directory}`, { cause });
    }
    const orphans: ProcessIdentity[] = [];
    try {
      while (!linked(mine, file)) {
        const old = readLock(file);
        if (old !== undefined && isRunning(old.holder)) {
          throw new Error(
            `Cannot use the data directory ${directory}: the agent with pid ${old.holder.pid} already runs on it; ` +
              "stop that one, or give this one another --data-dir",
          );
        }
        orphans.push(...(old?.children ?? []));
        removeStale(file, { stale: old, aside: `${mine}.stale` });
      }
    } finally {
      rmSync(mine, { force: true });
    }
    return new DataDirectoryLock(file, holder, orphans.filter(isRunning));
  }

  /** Notes who must be gone before another supervisor may start. */
  setChildren(children: readonly ProcessIdentity[]): void {
    const next = `${this.#file}.${process.pid}`;
    writeFileSync(next, content({ holder: this.#holder, children }), { mode: 0o600 });
    renameSync(next, this.#file);
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

function content(lock: LockContent): string {
  return `${JSON.stringify(lock)}\n`;
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined for a file that is gone or damaged (the disk was full, the power went): nobody holds such a lock. */
function readLock(file: string): LockContent | undefined {
  try {
    const read = JSON.parse(readFileSync(file, "utf8")) as LockContent;
    return typeof read?.holder?.pid === "number" && Array.isArray(read.children) ? read : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw directoryInPlace(file, error) ?? error;
  }
}

/**
 * Two supervisors may find the same stale lock at once, and the slower must not remove the lock that the faster has
 * just made: it is moved aside first, and put back when it is not the one that was judged.
 */
function removeStale(file: string, { stale, aside }: { stale: LockContent | undefined; aside: string }): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = readLock(aside);
  if (moved !== undefined && JSON.stringify(moved.holder) !== JSON.stringify(stale?.holder)) linked(aside, file);
  rmSync(aside, { force: true });
}
