import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Serial } from "../../lib/serial.ts";
import type { Termination } from "./pod-state.ts";

/** Upstream's bounds of a termination message: 4 KiB from the file; 2 KiB or 80 lines from the log. */
const MESSAGE_BYTES = 4096;
const LOG_TAIL_BYTES = 2048;
const LOG_TAIL_LINES = 80;

/** Where a pod's own files lie on the host: logs, `/etc/hosts`, termination messages, exit codes. */
export class PodDirectory {
  readonly #root: string;
  /** Of each pod, by its uid: its containers may end together. */
  readonly #saving = new Serial();

  constructor(root: string) {
    this.#root = root;
  }

  hosts(uid: string): string {
    return join(this.#root, uid, "etc-hosts");
  }

  resolvConf(uid: string): string {
    return join(this.#root, uid, "resolv.conf");
  }

  logDirectory(uid: string, container: string): string {
    return join(this.#root, uid, "logs", container);
  }

  log(uid: string, container: string, attempt: number): string {
    return join(this.logDirectory(uid, container), `${attempt}.log`);
  }

  termination(uid: string, container: string, attempt: number): string {
    return join(this.#root, uid, "termination", `${container}-${attempt}`);
  }

  async writeNetworkFiles(uid: string, { hosts, resolvConf }: { hosts: string; resolvConf: string }): Promise<void> {
    await mkdir(join(this.#root, uid), { recursive: true, mode: 0o700 });
    await Promise.all([
      writeFile(this.hosts(uid), hosts, { mode: 0o644 }),
      writeFile(this.resolvConf(uid), resolvConf, { mode: 0o644 }),
    ]);
  }

  /** Makes room for a container's log and its message, which any user in it may write; drops logs older than the last. */
  async prepareContainer(uid: string, container: string, attempt: number): Promise<void> {
    const logs = this.logDirectory(uid, container);
    await Promise.all([
      mkdir(logs, { recursive: true, mode: 0o700 }),
      mkdir(join(this.#root, uid, "termination"), { recursive: true, mode: 0o700 }),
    ]);
    const path = this.termination(uid, container, attempt);
    const file = await open(path, "w", 0o666);
    try {
      await file.chmod(0o666);
    } finally {
      await file.close();
    }
    if (attempt < 2) return;
    await rm(this.log(uid, container, attempt - 2), { force: true });
    await rm(this.termination(uid, container, attempt - 2), { force: true });
  }

  /** What a container said as it ended, by its terminationMessagePolicy. */
  async terminationMessage(
    uid: string,
    { container, attempt, fallback }: { container: string; attempt: number; fallback: boolean },
  ): Promise<string | undefined> {
    const own = await head(this.termination(uid, container, attempt));
    if (own !== "" || !fallback) return own === "" ? undefined : own;
    const log = await readFile(this.log(uid, container, attempt), "utf8").catch(missing);
    if (log === undefined) return undefined;
    const lines = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).map(logText);
    const text = lines.join("\n").slice(-LOG_TAIL_BYTES);
    return text === "" ? undefined : text;
  }

  /** Podman forgets exit codes when the host restarts; this file does not. */
  saveExit(uid: string, end: Termination): Promise<void> {
    return this.#saving.run(() => this.#addExit(uid, end), uid);
  }

  async #addExit(uid: string, end: Termination): Promise<void> {
    const exits = await this.exits(uid);
    exits.set(end.containerId, end);
    const newest = [...exits.values()].sort((a, b) => a.finishedAt - b.finishedAt).slice(-20);
    await this.#replace(uid, "exits.json", JSON.stringify(newest));
  }

  /** Sets the time by which the pod's containers are to be killed, unless an earlier agent has; resolves with it. */
  async keepDeadline(uid: string, deadline: number): Promise<number> {
    const known = await this.deadline(uid);
    if (known === undefined) await this.#replace(uid, "deadline", String(deadline));
    return known ?? deadline;
  }

  async deadline(uid: string): Promise<number | undefined> {
    const text = await readFile(join(this.#root, uid, "deadline"), "utf8").catch(missing);
    // 0 and NaN: a file that a full disk has cut short.
    return Number(text) || undefined;
  }

  async #replace(uid: string, name: string, text: string): Promise<void> {
    const path = join(this.#root, uid, name);
    await mkdir(join(this.#root, uid), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async exits(uid: string): Promise<Map<string, Termination>> {
    const text = await readFile(join(this.#root, uid, "exits.json"), "utf8").catch(missing);
    return new Map(terminations(text).map((end) => [end.containerId, end]));
  }

  /** The attempts of a container that have a log, the newest last. */
  async logged(uid: string, container: string): Promise<number[]> {
    const names = (await readdir(this.logDirectory(uid, container)).catch(missing)) ?? [];
    return names
      .filter((name) => name.endsWith(".log"))
      .map((name) => Number(name.slice(0, -4)))
      .sort((a, b) => a - b);
  }

  /** The pods of which something is here. */
  async uids(): Promise<string[]> {
    return (await readdir(this.#root).catch(missing)) ?? [];
  }

  async remove(uid: string): Promise<void> {
    await rm(join(this.#root, uid), { recursive: true, force: true });
  }
}

/** A damaged file says nothing: Podman may still know, and no pod must wait for somebody to remove it. */
function terminations(text: string | undefined): Termination[] {
  if (text === undefined) return [];
  try {
    const list: unknown = JSON.parse(text);
    const ends = Array.isArray(list) ? (list as (Termination | null)[]) : [];
    return ends.filter((end): end is Termination => typeof end?.containerId === "string");
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

async function head(path: string): Promise<string> {
  const file = await open(path, "r").catch(missing);
  if (!file) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MESSAGE_BYTES), 0, MESSAGE_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } finally {
    await file.close();
  }
}

/** The text of a CRI log line: after time, stream and tag. */
function logText(line: string): string {
  return line.split(" ").slice(3).join(" ");
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
