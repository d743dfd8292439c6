import type { Endpoint } from "./protocol/member.ts";
import { ExchangeError, type ExchangeOptions, type Transport, type TransportHandler } from "./transport.ts";

function key({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** Nodes of one process that reach each other without a network. `cut` decides who does not. */
export class MemoryNetwork {
  readonly #nodes = new Map<string, MemoryTransport>();
  /** Whether nothing passes from one to the other. */
  cut: (from: Endpoint, to: Endpoint) => boolean = () => false;

  open(endpoint: Endpoint): MemoryTransport {
    if (this.#nodes.has(key(endpoint))) throw new Error(`Cannot listen at ${key(endpoint)}: it is taken`);
    const transport = new MemoryTransport(this, endpoint);
    this.#nodes.set(key(endpoint), transport);
    return transport;
  }

  close(endpoint: Endpoint): void {
    this.#nodes.delete(key(endpoint));
  }

  find(endpoint: Endpoint): MemoryTransport | undefined {
    return this.#nodes.get(key(endpoint));
  }
}

/** Everything arrives in the order in which it was sent, in later turns of the event loop. */
export class MemoryTransport implements Transport {
  readonly endpoint: Endpoint;
  readonly #network: MemoryNetwork;
  /** Who listens, while somebody does. For the network only. */
  handler: TransportHandler | undefined;

  constructor(network: MemoryNetwork, endpoint: Endpoint) {
    this.#network = network;
    this.endpoint = endpoint;
  }

  run(handler: TransportHandler, signal: AbortSignal): Promise<void> {
    this.handler = handler;
    return new Promise((resolve) => {
      const end = (): void => {
        this.handler = undefined;
        this.#network.close(this.endpoint);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  }

  send(packet: Uint8Array, to: Endpoint): void {
    const copy = Buffer.from(packet);
    if (!this.handler || this.#network.cut(this.endpoint, to)) return;
    setImmediate(() => this.#network.find(to)?.handler?.packet(copy, this.endpoint));
  }

  async exchange(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<Buffer> {
    const reply = await this.#hand(frame, to, options);
    if (!reply) throw new ExchangeError("silent", `Cannot exchange messages with ${key(to)}: it gave no answer`);
    return Buffer.from(reply);
  }

  async deliver(frame: Uint8Array, to: Endpoint, options: ExchangeOptions): Promise<void> {
    await this.#hand(frame, to, options);
  }

  async #hand(frame: Uint8Array, to: Endpoint, { signal }: ExchangeOptions): Promise<Uint8Array | undefined> {
    const copy = Buffer.from(frame);
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    if (this.#network.cut(this.endpoint, to) || this.#network.cut(to, this.endpoint))
      throw new ExchangeError("timeout", `Cannot exchange messages with ${key(to)}: no answer in time`);
    const other = this.#network.find(to);
    if (!other?.handler) throw new ExchangeError("refused", `Cannot exchange messages with ${key(to)}: refused`);
    return other.handler.frame(copy, this.endpoint);
  }
}
