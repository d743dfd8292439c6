import { watch } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import type { Clock } from "../../lib/clock.ts";
import { Wake } from "../../lib/wake.ts";
import { parseLogLine, zuluTime } from "./log-line.ts";

const CHUNK = 64 * 1024;
/** Where no file event comes: some file systems have none. */
const POLL_MS = 1000;

export interface LogFileOptions {
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
  readonly timestamps: boolean;
  readonly limitBytes: number | undefined;
  /** True once the container has ended and writes no more. */
  readonly ended: () => boolean;
}

interface Deps {
  readonly clock: Clock;
}

/** A container's log as text: what is there, then, when followed, what comes until the container has ended. */
export async function* readLog(
  deps: Deps,
  path: string,
  options: LogFileOptions & { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  let left = options.limitBytes ?? Infinity;
  for await (const text of texts(deps, path, options)) {
    const bytes = Buffer.from(text);
    yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= bytes.length;
    if (left <= 0) return;
  }
}

async function* texts(
  deps: Deps,
  path: string,
  options: LogFileOptions & { readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const { tailLines, since, timestamps } = options;
  const start = tailLines === undefined ? 0 : await tailOffset(path, tailLines);
  let continued = false;
  let batch = "";
  for await (const lines of chunks(deps, path, { ...options, start })) {
    for (const raw of lines) {
      const line = parseLogLine(raw);
      if (!line || (since !== undefined && Date.parse(line.time) < since)) continue;
      const stamp = timestamps && !continued ? `${zuluTime(line.time)} ` : "";
      batch += `${stamp}${line.text}${line.full ? "\n" : ""}`;
      continued = !line.full;
    }
    if (batch !== "") yield batch;
    batch = "";
  }
}

interface Chunks {
  readonly start: number;
  readonly follow: boolean;
  readonly ended: () => boolean;
  readonly signal: AbortSignal;
}

/** The file's whole lines in batches. A file that has become shorter was started anew by the engine. */
async function* chunks(
  { clock }: Deps,
  path: string,
  { start, follow, ended, signal }: Chunks,
): AsyncGenerator<string[]> {
  const wake = new Wake(clock);
  const watcher = follow ? watch(path, () => wake.ring()) : undefined;
  watcher?.on("error", () => wake.ring());
  let file = await open(path, "r");
  const buffer = Buffer.alloc(CHUNK);
  let offset = start;
  let rest: Buffer = Buffer.alloc(0);
  try {
    while (!signal.aborted) {
      const over = ended();
      const { bytesRead } = await file.read(buffer, 0, CHUNK, offset);
      if (bytesRead > 0) {
        offset += bytesRead;
        const all = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = all.lastIndexOf(10);
        rest = all.subarray(end + 1);
        if (end >= 0) yield all.subarray(0, end).toString("utf8").split("\n");
        continue;
      }
      if (!follow || over) break;
      await wake.sleep(POLL_MS, signal);
      if (await replaced(file, path, offset)) {
        await file.close();
        file = await open(path, "r");
        offset = 0;
        rest = Buffer.alloc(0);
      }
    }
    if (rest.length > 0) yield [rest.toString("utf8")];
  } finally {
    watcher?.close();
    await file.close();
  }
}

async function replaced(file: FileHandle, path: string, offset: number): Promise<boolean> {
  const [mine, now] = await Promise.all([file.stat(), stat(path).catch(missing)]);
  return now !== undefined && (now.ino !== mine.ino || now.size < offset);
}

/** Where the last `lines` full lines begin: read from the end, so that a long log costs nothing. */
async function tailOffset(path: string, lines: number): Promise<number> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (lines === 0) return size;
    let position = size;
    let seen = 0;
    while (position > 0) {
      const length = Math.min(CHUNK, position);
      position -= length;
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, position);
      for (let index = length - 1; index >= 0; index -= 1) {
        if (buffer[index] !== 10 || position + index === size - 1) continue;
        seen += 1;
        if (seen >= lines) return position + index + 1;
      }
    }
    return 0;
  } finally {
    await file.close();
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
