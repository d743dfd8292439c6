import { createWriteStream, type WriteStream } from "node:fs";
import { chmod, rename, stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { describeError, type Logger } from "../lib/log.ts";

export interface AuditRecord {
  readonly time: string;
  readonly id: string;
  readonly user: string;
  readonly source: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly code: number;
  readonly milliseconds: number;
}

export interface AuditLogOptions {
  readonly file: string;
  /** The file is put aside as FILE.1, .2, ... once it is this large. */
  readonly maxBytes?: number;
  /** How many old files are kept. */
  readonly keep?: number;
}

/** Who changed what and who was refused: one JSON object a line, in a file that only the owner reads (0600). */
export class AuditLog {
  readonly #log: Logger;
  readonly #options: Required<AuditLogOptions>;
  #stream: WriteStream | undefined;
  #bytes = 0;
  #rotating = false;
  /** Lines that come while the files change. */
  #waiting: string[] = [];

  constructor(log: Logger, { file, maxBytes = 16 * 1024 * 1024, keep = 4 }: AuditLogOptions) {
    this.#log = log;
    this.#options = { file, maxBytes, keep };
  }

  async open(): Promise<void> {
    const { file } = this.#options;
    const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
    stream.on("error", (error) => this.#log.error("cannot write the audit log", { file, error: describeError(error) }));
    await new Promise<void>((resolve, reject) => stream.once("open", () => resolve()).once("error", reject));
    await chmod(file, 0o600);
    this.#bytes = (await stat(file)).size;
    this.#stream = stream;
    for (const line of this.#waiting.splice(0)) this.#append(line);
  }

  write(record: AuditRecord): void {
    const line = `${JSON.stringify(record)}\n`;
    if (this.#stream && !this.#rotating) this.#append(line);
    else this.#waiting.push(line);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (!stream) return;
    stream.end();
    await finished(stream);
  }

  #append(line: string): void {
    this.#stream?.write(line);
    this.#bytes += line.length;
    if (this.#bytes < this.#options.maxBytes || this.#rotating) return;
    this.#rotating = true;
    this.#rotate()
      .catch((error: unknown) => this.#log.error("cannot rotate the audit log", { error: describeError(error) }))
      .finally(() => (this.#rotating = false));
  }

  async #rotate(): Promise<void> {
    const { file, keep } = this.#options;
    await this.close();
    for (let number = keep - 1; number >= 1; number--) await move(`${file}.${number}`, `${file}.${number + 1}`);
    await move(file, `${file}.1`);
    await this.open();
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
