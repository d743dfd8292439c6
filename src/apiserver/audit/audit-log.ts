import { createWriteStream, type WriteStream } from "node:fs";
import { chmod, rename, stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { directoryInPlace } from "../../lib/damaged-file.ts";
import { describeError, type Logger } from "../../lib/log.ts";

export interface AuditRecord {
  readonly time: string;
  readonly id: string;
  readonly user: string;
  /** Whom the user impersonates. */
  readonly as?: string;
  readonly source: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly code: number;
  readonly milliseconds: number;
  /** Refusals of strangers that came before this one and were too many to be written. */
  readonly skipped?: number;
}

export interface AuditLogOptions {
  readonly file: string;
  /** The file is put aside as FILE.1, .2, ... once it is this large. */
  readonly maxBytes?: number;
  /** How many old files are kept. */
  readonly keep?: number;
}

/** Lines that are kept while the file cannot be written; the oldest go first. */
const MOST_WAITING = 10_000;

/** Who changed what and who was refused: one JSON object a line, in a file that only the owner reads (0600). */
export class AuditLog {
  readonly #log: Logger;
  readonly #options: Required<AuditLogOptions>;
  #stream: WriteStream | undefined;
  #bytes = 0;
  /** The opening or rotating that is under way. */
  #changing: Promise<void> | undefined;
  #waiting: string[] = [];

  constructor(log: Logger, { file, maxBytes = 16 * 1024 * 1024, keep = 4 }: AuditLogOptions) {
    this.#log = log;
    this.#options = { file, maxBytes, keep };
  }

  async open(): Promise<void> {
    const { file } = this.#options;
    const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", (error) => reject(directoryInPlace(file, error) ?? error));
    });
    // The mode above counts for a new file only.
    await chmod(file, 0o600);
    this.#bytes = (await stat(file)).size;
    stream.on("error", (error) => {
      this.#log.error("cannot write the audit log", { file, error: describeError(error) });
      if (this.#stream === stream) this.#stream = undefined;
    });
    this.#stream = stream;
  }

  write(record: AuditRecord): void {
    this.#waiting.push(`${JSON.stringify(record)}\n`);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#flush();
  }

  /** Writes what waits, and closes the file. */
  async close(): Promise<void> {
    await this.#changing;
    const stream = this.#stream;
    this.#stream = undefined;
    if (!stream) return;
    stream.end();
    await finished(stream);
  }

  #flush(): void {
    if (this.#changing) return;
    if (!this.#stream) return this.#change(() => this.open());
    const lines = this.#waiting.splice(0).join("");
    this.#stream.write(lines);
    this.#bytes += lines.length;
    if (this.#bytes >= this.#options.maxBytes) this.#change(() => this.#rotate());
  }

  /** Lines wait meanwhile; after a failure the next line tries again. */
  #change(step: () => Promise<void>): void {
    this.#changing = step().then(
      () => {
        this.#changing = undefined;
        if (this.#waiting.length > 0) this.#flush();
      },
      (error: unknown) => {
        this.#changing = undefined;
        this.#log.error("cannot open the audit log", { file: this.#options.file, error: describeError(error) });
      },
    );
  }

  async #rotate(): Promise<void> {
    const { file, keep } = this.#options;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.end();
    if (stream) await finished(stream);
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
