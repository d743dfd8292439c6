import { MAX_FRAME_BYTES } from "./limits.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { lengthOf, tokenOf } from "./msgpack-token.ts";
import { pushPullHeaderCodec } from "./push-pull.ts";
import { userHeaderCodec } from "./stream-messages.ts";
import { reject } from "./wire-error.ts";

/** What has to come before the next step. */
type Step = "type" | "header" | "values" | "tail" | "done";

/**
 * Finds the end of a frame in a stream. Senders keep the connection open for the answer, so that nothing but the
 * frame's own contents tells where it ends: an encrypted one by its length, others by going over their values. It goes
 * on where it stopped, so that slow senders cost no more than fast ones.
 */
export class FrameScanner {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;
  #offset = 0;
  #step: Step = "type";
  #type = -1;
  /** Where the header's record begins, for the two kinds whose header counts what follows. */
  #header = 0;
  /** Values that still have to be passed. */
  #values = 0;
  /** Bytes that follow the values. */
  #tail = 0;

  get buffered(): number {
    return this.#length;
  }

  /** The whole frame once it is there. Throws WireError as soon as it cannot become one. */
  push(chunk: Uint8Array): Buffer | undefined {
    this.#append(chunk);
    while (this.#advance());
    return this.#step === "done" ? this.#buffer.subarray(0, this.#offset) : undefined;
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    // The label, the head of an encrypted frame and a header come on top of what the limit is about.
    if (length > MAX_FRAME_BYTES + 4096) reject("a frame", `it has more than ${MAX_FRAME_BYTES} bytes`);
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /** One step further; false when more bytes are needed or all is there. */
  #advance(): boolean {
    switch (this.#step) {
      case "type":
        return this.#readType();
      case "header":
      case "values":
        return this.#passValues();
      case "tail":
        if (this.#length < this.#offset + this.#tail) return false;
        this.#offset += this.#tail;
        this.#step = "done";
        return false;
      case "done":
        return false;
    }
  }

  #readType(): boolean {
    const have = this.#length - this.#offset;
    if (have < 1) return false;
    const type = this.#buffer[this.#offset];
    if (type === MESSAGE_TYPE.label && this.#offset === 0) {
      if (have < 2 || have < 2 + (this.#buffer[1] ?? 0)) return false;
      this.#offset = 2 + (this.#buffer[1] ?? 0);
      return true;
    }
    if (type === MESSAGE_TYPE.encrypted) {
      if (have < 5) return false;
      this.#tail = this.#buffer.readUInt32BE(this.#offset + 1);
      if (this.#tail > MAX_FRAME_BYTES)
        reject("a frame", `${this.#tail} bytes, at most ${MAX_FRAME_BYTES} are allowed`);
      this.#offset += 5;
      this.#step = "tail";
      return true;
    }
    const counted = type === MESSAGE_TYPE.pushPull || type === MESSAGE_TYPE.user;
    const single = type === MESSAGE_TYPE.compressed || type === MESSAGE_TYPE.ping || type === MESSAGE_TYPE.ack;
    if (!counted && !single && type !== MESSAGE_TYPE.error) reject("a frame", `messages of type ${type} are not known`);
    this.#type = type ?? -1;
    this.#offset += 1;
    this.#header = this.#offset;
    this.#values = 1;
    this.#step = counted ? "header" : "values";
    return true;
  }

  #passValues(): boolean {
    while (this.#values > 0) if (!this.#passToken()) return false;
    if (this.#step === "values") this.#step = "tail";
    else {
      this.#readHeader();
      this.#step = "values";
    }
    return true;
  }

  #readHeader(): void {
    const reader = new MsgpackReader(this.#buffer.subarray(0, this.#offset), "a frame's header", this.#header);
    if (this.#type === MESSAGE_TYPE.user) this.#tail = userHeaderCodec.read(reader).userMsgLen;
    else {
      const header = pushPullHeaderCodec.read(reader);
      this.#values = header.nodes;
      this.#tail = header.userStateLen;
    }
  }

  #passToken(): boolean {
    const first = this.#length > this.#offset ? this.#buffer[this.#offset] : undefined;
    if (first === undefined) return false;
    const token = tokenOf(first);
    if (token === undefined) reject("a frame", `a value cannot begin with byte ${first}`);
    if (this.#length < this.#offset + token.head) return false;
    const length = lengthOf(token, this.#buffer, this.#offset);
    if (length > MAX_FRAME_BYTES) reject("a frame", `a value claims ${length} bytes`);
    const nested = token.kind === "map" || token.kind === "array";
    const whole = token.head + (nested ? 0 : length);
    if (this.#length < this.#offset + whole) return false;
    this.#offset += whole;
    this.#values += (nested ? (token.kind === "map" ? length * 2 : length) : 0) - 1;
    if (this.#values > MAX_FRAME_BYTES) reject("a frame", "it claims more values than it can have bytes");
    return true;
  }
}
