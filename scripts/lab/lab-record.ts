import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { ProcessIdentity } from "../../src/daemon/supervisor/process-identity.ts";
import { root } from "../root.ts";

const KEPT = join(root, ".cache/labs");

/** Which of this repository's labs is meant: the environment's LAB tells, where one is not enough. */
export const labName: string = checkedName(process.env["LAB"] ?? "lab");

/** What tells other shells about a lab, from before it is made until all of it is removed. */
export interface LabRecord {
  /** The process that holds the lab, with which all of it ends but files. */
  readonly keeper: ProcessIdentity;
  /** Where its folder is. */
  readonly temporary: string;
}

const file = join(KEPT, `${labName}.json`);

/** What the keeper says. */
export const keeperLog: string = join(KEPT, `${labName}.log`);

/** Where the keeper listens, as seen from the repository: whole paths may be too long for a socket. */
export const keeperSocket: string = relative(root, join(KEPT, `${labName}.sock`));

export function readLabRecord(): LabRecord | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as LabRecord) : undefined;
}

/** Whole or not at all, and by one process only: false where another was faster. */
export function claimLabRecord(record: LabRecord): boolean {
  makeLabsFolder();
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(draft);
  }
}

export function removeLabRecord(): void {
  for (const one of [join(root, keeperSocket), keeperLog, file]) rmSync(one, { force: true });
}

export function makeLabsFolder(): void {
  mkdirSync(KEPT, { recursive: true, mode: 0o700 });
}

function checkedName(name: string): string {
  if (!/^[a-z0-9-]{1,32}$/.test(name)) throw new Error(`Cannot use LAB=${name}: give lower-case letters and digits`);
  return name;
}
