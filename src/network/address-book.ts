import type { Clock } from "../lib/clock.ts";
import type { AddressFile, AddressRecord } from "./address-file.ts";
import { formatAddress, formatRange, type Ipv4Range, parseAddress, rangeSize } from "./ipv4-range.ts";

export interface AddressBookOptions {
  /** The node's range of pod addresses. */
  readonly range: Ipv4Range;
  /** Never given to a pod: the gateway's and the anchor's. */
  readonly reserved: readonly string[];
  /** For how long an address that was given back is left alone where others are free, in milliseconds. */
  readonly coolDownMs?: number;
}

/**
 * Which pod has which address. Durable before it is used: `take` and `release` resolve after the disk has it. Calls at
 * the same time share one write.
 */
export class AddressBook {
  readonly #clock: Clock;
  readonly #file: AddressFile;
  readonly #range: Ipv4Range;
  readonly #reserved: ReadonlySet<string>;
  readonly #coolDownMs: number;
  readonly #taken: Map<string, string>;
  readonly #released: Map<string, number>;
  #writing: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  private constructor(
    { clock, file, record }: { clock: Clock; file: AddressFile; record: AddressRecord },
    { range, reserved, coolDownMs = 60_000 }: AddressBookOptions,
  ) {
    this.#clock = clock;
    this.#file = file;
    this.#range = range;
    this.#reserved = new Set(reserved);
    this.#coolDownMs = coolDownMs;
    this.#taken = new Map(Object.entries(record.taken));
    this.#released = new Map(Object.entries(record.released));
  }

  static async open(deps: { clock: Clock; file: AddressFile }, options: AddressBookOptions): Promise<AddressBook> {
    return new AddressBook({ ...deps, record: await deps.file.load() }, options);
  }

  get(uid: string): string | undefined {
    return this.#taken.get(uid);
  }

  uids(): string[] {
    return [...this.#taken.keys()];
  }

  /** The pod's address, the same for every call until `release`. Rejects when none is free. */
  async take(uid: string): Promise<string> {
    const known = this.#taken.get(uid);
    if (known !== undefined && this.#usable(known)) {
      await (this.#queued ?? this.#writing);
      return known;
    }
    const address = this.#free();
    this.#taken.set(uid, address);
    this.#released.delete(address);
    try {
      await this.#save();
    } catch (error) {
      if (this.#taken.get(uid) === address) this.#taken.delete(uid);
      throw error;
    }
    return address;
  }

  /** Idempotent. */
  async release(uid: string): Promise<void> {
    const address = this.#taken.get(uid);
    if (address === undefined) return;
    this.#taken.delete(uid);
    this.#released.set(address, this.#clock.now());
    await this.#save();
  }

  /** An address from another range, of a time when the pod CIDR was a different one, is worth nothing. */
  #usable(address: string): boolean {
    const number = parseAddress(address);
    return number > this.#range.base && number < this.#range.base + rangeSize(this.#range.bits) - 1;
  }

  /** One never used before; else the one given back longest ago. */
  #free(): string {
    const used = new Set(this.#taken.values());
    const now = this.#clock.now();
    let oldest: { address: string; at: number } | undefined;
    // Without the first and last address: network and broadcast.
    for (let offset = 1; offset < rangeSize(this.#range.bits) - 1; offset += 1) {
      const address = formatAddress(this.#range.base + offset);
      if (used.has(address) || this.#reserved.has(address)) continue;
      const at = this.#released.get(address);
      if (at === undefined || now - at >= this.#coolDownMs) return address;
      if (oldest === undefined || at < oldest.at) oldest = { address, at };
    }
    if (oldest !== undefined) return oldest.address;
    throw new Error(`Cannot give the pod an address: all ${used.size} of ${formatRange(this.#range)} are taken`);
  }

  #save(): Promise<void> {
    // A write that has begun may lack the caller's change: it takes part in the next one.
    this.#queued ??= (this.#writing ?? Promise.resolve())
      .catch(() => {}) // those who wait for that write see it
      .then(() => {
        this.#queued = undefined;
        this.#writing = this.#file.save(this.#record()).finally(() => (this.#writing = undefined));
        return this.#writing;
      });
    return this.#queued;
  }

  #record(): AddressRecord {
    const now = this.#clock.now();
    for (const [address, at] of this.#released) if (now - at >= this.#coolDownMs) this.#released.delete(address);
    return { taken: Object.fromEntries(this.#taken), released: Object.fromEntries(this.#released) };
  }
}
