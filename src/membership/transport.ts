import type { ExchangeFailure } from "./protocol/inputs.ts";
import type { Endpoint } from "./protocol/member.ts";

/** An exchange that brought no answer, and what that says of the other side. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly failure: ExchangeFailure;

  constructor(failure: ExchangeFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Takes what comes in. Must not throw, whatever the bytes are. */
export interface TransportHandler {
  packet(packet: Buffer, from: Endpoint): void;
  /** One whole frame of a stream; its answer, or undefined to close the stream without one. */
  frame(frame: Buffer, from: Endpoint): Uint8Array | undefined;
}

/**
 * How membership reaches other nodes. Packets may be lost, doubled and overtaken, but never come in parts. Frames
 * arrive whole or not at all. Nothing is retried and nobody's word is checked here.
 */
export interface Transport {
  /** Where others reach this node. */
  readonly endpoint: Endpoint;
  /** Hands over what comes in, until `signal`; then nothing is open any more. */
  run(handler: TransportHandler, signal: AbortSignal): Promise<void>;
  /** Never waits and never fails: a packet to nowhere is a lost packet. */
  send(packet: Uint8Array, to: Endpoint): void;
  /** Sends one frame and reads one. Rejects with ExchangeError. */
  exchange(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<Buffer>;
  /** Sends one frame. Rejects with ExchangeError. */
  deliver(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<void>;
}
