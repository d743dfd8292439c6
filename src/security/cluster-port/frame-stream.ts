import type { Duplex } from "node:stream";

const HEADER_BYTES = 4;

/** The other side said something that is no frame, or nothing at all. */
export class FrameError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FrameError";
  }
}

/** Reads and writes frames: four bytes of length, big-endian, then that many bytes. One reader at a time. */
export class FrameStream {
  readonly stream: Duplex;

  constructor(stream: Duplex) {
    this.stream = stream;
  }

  /** The next frame, of at most `limit` bytes. Nothing is kept for a longer one. Leaves what follows in the stream. */
  async read(limit: number, signal: AbortSignal): Promise<Buffer> {
    const length = (await this.#take(HEADER_BYTES, signal)).readUInt32BE();
    if (length > limit) throw new FrameError(`it sent ${length} bytes where at most ${limit} are read`);
    return length === 0 ? Buffer.alloc(0) : await this.#take(length, signal);
  }

  async readJson(limit: number, signal: AbortSignal): Promise<Record<string, unknown>> {
    const bytes = await this.read(limit, signal);
    return parseObject(bytes);
  }

  write(...parts: readonly Uint8Array[]): void {
    const body = Buffer.concat(parts);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(body.length);
    this.stream.write(Buffer.concat([header, body]));
  }

  writeJson(value: object): void {
    this.write(Buffer.from(JSON.stringify(value)));
  }

  #take(bytes: number, signal: AbortSignal): Promise<Buffer> {
    const { stream } = this;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        stream.off("readable", attempt).off("end", ended).off("close", ended).off("error", failed);
        signal.removeEventListener("abort", aborted);
        act();
      };
      const failed = (error: Error): void =>
        settle(() => reject(new FrameError("the connection broke", { cause: error })));
      const ended = (): void => settle(() => reject(new FrameError("it closed the connection")));
      const aborted = (): void => settle(() => reject(signal.reason as Error));
      const attempt = (): void => {
        const taken = stream.read(bytes) as Buffer | null;
        if (taken === null) return;
        // At its end a stream gives what is left, however little.
        settle(() => (taken.length === bytes ? resolve(taken) : reject(new FrameError("it closed the connection"))));
      };
      if (signal.aborted) return aborted();
      if (stream.destroyed || stream.readableEnded) return ended();
      stream.on("readable", attempt).on("end", ended).on("close", ended).on("error", failed);
      signal.addEventListener("abort", aborted, { once: true });
      attempt();
    });
  }
}

export function parseObject(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below; the parser's own words would show a part of it.
  }
  throw new FrameError("it sent something that is not a JSON object");
}
