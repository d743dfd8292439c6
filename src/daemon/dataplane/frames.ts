/** Larger than any snapshot that fifty nodes can make; what claims to be larger is not ours. */
const LONGEST_FRAME = 256 * 1024 * 1024;
const HEADER = 4;

/** One message: its length in bytes as an unsigned 32-bit big-endian number, then JSON. */
export function encodeFrame(message: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32BE(text.length);
  return Buffer.concat([header, text]);
}

/** Cuts a byte stream into messages. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Adds bytes and yields the messages that are complete. Throws for what cannot be a frame. */
  *push(chunk: Buffer): Generator<unknown> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      if (this.#length < HEADER) return;
      const size = this.#peekSize();
      if (size > LONGEST_FRAME) throw new Error(`Cannot read a frame of ${size} bytes: it is too long`);
      if (this.#length < HEADER + size) return;
      const bytes = this.#take(HEADER + size);
      yield JSON.parse(bytes.toString("utf8", HEADER)) as unknown;
    }
  }

  /** What has arrived behind the last complete message. */
  rest(): Buffer {
    return this.#take(this.#length);
  }

  #peekSize(): number {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= HEADER) return first.readUInt32BE();
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]?.readUInt32BE() ?? 0;
  }

  #take(size: number): Buffer {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    const rest = all.subarray(size);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return all.subarray(0, size);
  }
}
