import { isNamespaceTerminating, isReason } from "../api/api-error.ts";
import type { Event, Kinds } from "../api/kinds.ts";
import type { EventRecorder, Objects, Regarding } from "../api/objects.ts";
import { timestamp, type Clock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";

export interface EventSource {
  /** As upstream names it: `default-scheduler`, `kubelet`, `deployment-controller`. */
  readonly component: string;
  /** The node's name, for what a node says about its pods. */
  readonly host?: string;
}

export interface EventRecorderOptions {
  /** Events that one source may send about one object at once; upstream's spam filter. */
  burst?: number;
  /** After that, one more each so many milliseconds. */
  refillMs?: number;
  /** More than this many similar events within `similarMs` become one whose message says so. */
  maxSimilar?: number;
  similarMs?: number;
  /** Things remembered of each sort; the oldest are forgotten first. */
  cacheSize?: number;
}

type Recorded = Parameters<EventRecorder["record"]>[0];

interface Similar {
  messages: Set<string>;
  since: number;
}

/**
 * Writes Events as upstream's client does: the same event again counts up the one that is there, many similar ones become
 * one, and a source that has too much to say about one object is cut short. Writes go in the background, one after the
 * other for each Event; a failed one is logged.
 */
export class ObjectEventRecorder {
  readonly #objects: Objects;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: Required<EventRecorderOptions>;
  readonly #known = new Map<string, Promise<Event | undefined>>();
  readonly #tokens = new Map<string, { left: number; at: number }>();
  readonly #similar = new Map<string, Similar>();
  readonly #busy = new Set<Promise<unknown>>();
  #sequence = 0;

  constructor(
    { objects, clock, logger }: { objects: Objects; clock: Clock; logger: Logger },
    {
      burst = 25,
      refillMs = 300_000,
      maxSimilar = 10,
      similarMs = 600_000,
      cacheSize = 4096,
    }: EventRecorderOptions = {},
  ) {
    this.#objects = objects;
    this.#clock = clock;
    this.#logger = logger;
    this.#options = { burst, refillMs, maxSimilar, similarMs, cacheSize };
  }

  /** The recorder of one component. */
  from(source: EventSource): EventRecorder {
    return { record: (event) => this.#record(source, event) };
  }

  /** Resolves once everything recorded so far is written or has failed. */
  async flush(): Promise<void> {
    await Promise.all(this.#busy);
  }

  #record(source: EventSource, event: Recorded): void {
    const about = [source.component, source.host ?? "", ...identityOf(event.regarding)].join("\u0000");
    const { message, identity: same } = this.#combined(about, event);
    // The limit is for the stream of events, repeats included, as upstream counts them.
    if (!this.#allowed(about)) return;
    const key = [about, event.type, event.reason, event.regarding.fieldPath ?? "", same].join("\u0000");
    const before = this.#known.get(key) ?? Promise.resolve(undefined);
    const written = before.then((last) => this.#write({ source, event: { ...event, message }, last }));
    this.#known.delete(key);
    remember(this.#known, { key, value: written, limit: this.#options.cacheSize });
    this.#busy.add(written);
    void written.finally(() => this.#busy.delete(written));
  }

  /** Like messages that differ only in their text: past a number of them only one more is told. */
  #combined(about: string, event: Recorded): { readonly message: string; readonly identity: string } {
    const key = [about, event.type, event.reason].join("\u0000");
    const now = this.#clock.monotonic();
    const known = this.#similar.get(key);
    const entry =
      known && now - known.since < this.#options.similarMs ? known : { messages: new Set<string>(), since: now };
    // One more than the limit is all that there is to know.
    if (entry.messages.size <= this.#options.maxSimilar) entry.messages.add(event.message);
    this.#similar.delete(key);
    remember(this.#similar, { key, value: entry, limit: this.#options.cacheSize });
    if (entry.messages.size <= this.#options.maxSimilar) return { message: event.message, identity: event.message };
    const prefix = "(combined from similar events): ";
    return { message: `${prefix}${event.message}`, identity: prefix };
  }

  #allowed(about: string): boolean {
    const { burst, refillMs, cacheSize } = this.#options;
    const now = this.#clock.monotonic();
    const known = this.#tokens.get(about) ?? { left: burst, at: now };
    const left = Math.min(burst, known.left + (now - known.at) / refillMs);
    const allowed = left >= 1;
    this.#tokens.delete(about);
    remember(this.#tokens, { key: about, value: { left: allowed ? left - 1 : left, at: now }, limit: cacheSize });
    return allowed;
  }

  /** Never rejects: what cannot be told is at least logged. */
  async #write(what: { source: EventSource; event: Recorded; last: Event | undefined }): Promise<Event | undefined> {
    try {
      return (await this.#repeat(what)) ?? (await this.#create(what));
    } catch (error) {
      const { regarding, reason, message } = what.event;
      // An Event goes with its namespace: there is nowhere to write it, and nobody left to read it.
      const gone = isReason(error, "NotFound") && error.details.kind === "namespaces";
      if (gone || isNamespaceTerminating(error)) return undefined;
      this.#logger.warn("Cannot record an Event", {
        regarding: `${regarding.kind} ${regarding.namespace ?? ""}/${regarding.name}`,
        reason,
        message,
        error: describeError(error),
      });
      return undefined;
    }
  }

  async #repeat({ event, last }: { event: Recorded; last: Event | undefined }): Promise<Event | undefined> {
    if (!last) return undefined;
    const { namespace, name = "", uid } = last.metadata;
    const present = this.#objects.get("Event", { namespace, name, uid });
    if (!present) return undefined;
    const { resourceVersion: _, ...metadata } = present.metadata;
    const lastTimestamp = timestamp(this.#clock.now());
    const next = { ...present, metadata, count: (present.count ?? 1) + 1, lastTimestamp, message: event.message };
    try {
      return await this.#objects.update("Event", next);
    } catch (error) {
      // It has expired meanwhile: a new one is made.
      if (isReason(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async #create({ source, event }: { source: EventSource; event: Recorded }): Promise<Event> {
    const { regarding, type, reason, message } = event;
    const now = this.#clock.now();
    const namespace = regarding.namespace ?? "default";
    this.#sequence += 1;
    // Upstream ends an Event's name with the time in nanoseconds; a count keeps two of one millisecond apart.
    const suffix = (BigInt(Math.floor(now)) * 1_000_000n + BigInt(this.#sequence % 1_000_000)).toString(16);
    return this.#objects.create("Event", {
      metadata: { name: `${regarding.name.slice(0, 230)}.${suffix}`, namespace },
      involvedObject: reference(regarding),
      reason,
      message: message.slice(0, 1024),
      source: { component: source.component, ...(source.host !== undefined ? { host: source.host } : {}) },
      firstTimestamp: timestamp(now),
      lastTimestamp: timestamp(now),
      count: 1,
      type,
      reportingComponent: source.component,
      reportingInstance: source.host ?? "",
    });
  }
}

function identityOf({ kind, namespace = "", name, uid = "" }: Regarding): string[] {
  return [kind, namespace, name, uid];
}

function reference(regarding: Regarding): Kinds["Event"]["involvedObject"] {
  const { kind, apiVersion, namespace, name, fieldPath } = regarding;
  // A node's own Events carry its name as the uid, as the kubelet's do: kubectl describe looks for that.
  const uid = regarding.uid ?? (kind === "Node" ? name : undefined);
  return {
    kind,
    name,
    ...(apiVersion !== undefined ? { apiVersion } : {}),
    ...(namespace !== undefined ? { namespace } : {}),
    ...(uid !== undefined ? { uid } : {}),
    ...(fieldPath !== undefined ? { fieldPath } : {}),
  };
}

function remember<Value>(map: Map<string, Value>, entry: { key: string; value: Value; limit: number }): void {
  map.set(entry.key, entry.value);
  for (const oldest of map.keys()) {
    if (map.size <= entry.limit) return;
    map.delete(oldest);
  }
}
