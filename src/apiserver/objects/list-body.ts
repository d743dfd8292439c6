import type { Served } from "../../api/catalog.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Entry } from "../../store/port.ts";
import { entryJson } from "./object-view.ts";

const COMMA = 0x2c;
const TAIL = Buffer.from("]}");

/** Smaller lists are put together faster than they are looked up. */
const KEPT_FROM_BYTES = 32 * 1024;
/** All that is kept together. */
const KEPT_BYTES = 8 * 1024 * 1024;
const KEPT_MS = 10_000;

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

interface KeptItems {
  readonly entries: readonly Entry[];
  readonly items: Buffer;
  usedAt: number;
}

/** The JSON of a list in pieces to be sent one after the other, put together from the objects' own cached JSON. */
export function listBody(served: Served, entries: readonly Entry[], metadata: ListMetadata): readonly Buffer[] {
  return [headOf(served, metadata), itemsOf(served, entries), TAIL];
}

/**
 * Remembers the items of large lists that are asked for again and again: copying them anew for each of many clients
 * costs more time, and more memory in garbage, than all the rest of a list.
 */
export class ListBodies {
  readonly #clock: Clock;
  readonly #kept = new Map<string, KeptItems>();
  #bytes = 0;
  #cleaning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As `listBody`. */
  body(served: Served, entries: readonly Entry[], metadata: ListMetadata): readonly Buffer[] {
    return [headOf(served, metadata), this.#items(served, entries), TAIL];
  }

  #items(served: Served, entries: readonly Entry[]): Buffer {
    const [first] = entries;
    if (!first) return itemsOf(served, entries);
    const last = entries.at(-1);
    // Lists of one kind that begin and end alike are most likely the same one.
    const key = [served.version.apiVersion, first.key, last?.key].map((part) => JSON.stringify(part)).join(" ");
    const kept = this.#kept.get(`${served.declaration.resource} ${key}`);
    if (kept && sameEntries(kept.entries, entries)) {
      kept.usedAt = this.#clock.monotonic();
      return kept.items;
    }
    const items = itemsOf(served, entries);
    this.#keep(`${served.declaration.resource} ${key}`, entries, items);
    return items;
  }

  #keep(key: string, entries: readonly Entry[], items: Buffer): void {
    this.#forget(key);
    if (items.length < KEPT_FROM_BYTES || items.length > KEPT_BYTES) return;
    for (const [oldest] of this.#kept) {
      if (this.#bytes + items.length <= KEPT_BYTES) break;
      this.#forget(oldest);
    }
    this.#bytes += items.length;
    this.#kept.set(key, { entries, items, usedAt: this.#clock.monotonic() });
    this.#cleanLater();
  }

  #forget(key: string): void {
    this.#bytes -= this.#kept.get(key)?.items.length ?? 0;
    this.#kept.delete(key);
  }

  #cleanLater(): void {
    if (this.#cleaning) return;
    this.#cleaning = true;
    this.#clock.timer(KEPT_MS, () => {
      this.#cleaning = false;
      const since = this.#clock.monotonic() - KEPT_MS;
      for (const [key, { usedAt }] of this.#kept) if (usedAt <= since) this.#forget(key);
      if (this.#kept.size > 0) this.#cleanLater();
    });
  }
}

function headOf({ declaration, version }: Served, metadata: ListMetadata): Buffer {
  const head = JSON.stringify({ kind: `${declaration.kind}List`, apiVersion: version.apiVersion, metadata });
  return Buffer.from(`${head.slice(0, -1)},"items":[`);
}

function itemsOf(served: Served, entries: readonly Entry[]): Buffer {
  const items = entries.map((entry) => entryJson(served, entry));
  const size = items.reduce((sum, { length }) => sum + length + 1, 0);
  const body = Buffer.allocUnsafe(size);
  let at = 0;
  for (const item of items) {
    if (at > 0) body[at++] = COMMA;
    at += item.copy(body, at);
  }
  return body.subarray(0, at);
}

/** Versions are immutable and made once, so that the same list consists of the very same ones. */
function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a === b || (a.length === b.length && a.every((entry, index) => entry === b[index]));
}
