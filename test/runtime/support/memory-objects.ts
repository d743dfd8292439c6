import { ApiError } from "../../../src/api/api-error.ts";
import type { KindName, Kinds } from "../../../src/api/kinds.ts";
import type { DeleteOptions, EventRecorder, NewObject, ObjectChange, Objects, Ref } from "../../../src/api/objects.ts";
import { systemClock, timestamp } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/random.ts";

type Stored = Kinds[KindName];
type Listener = (change: ObjectChange) => void;

/** A small Objects of one process: writes are versioned, watched and checked as the port promises. */
export class MemoryObjects implements Objects {
  readonly #kinds = new Map<KindName, Map<string, Stored>>();
  readonly #listeners = new Map<KindName, Set<Listener>>();
  #version = 0;

  get<K extends KindName>(kind: K, { namespace, name, uid }: Ref): Kinds[K] | undefined {
    const found = this.#of(kind).get(`${namespace ?? ""}/${name}`) as Kinds[K] | undefined;
    return uid === undefined || found?.metadata?.uid === uid ? found : undefined;
  }

  list<K extends KindName>(kind: K, namespace?: string): readonly Kinds[K][] {
    const all = [...this.#of(kind).values()] as Kinds[K][];
    return all.filter((object) => namespace === undefined || object.metadata?.namespace === namespace);
  }

  watch<K extends KindName>(kind: K, listener: (change: ObjectChange<K>) => void, signal: AbortSignal): void {
    for (const object of this.list(kind)) listener({ kind, type: "ADDED", object });
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners);
    listeners.add(listener as Listener);
    signal.addEventListener("abort", () => listeners.delete(listener as Listener));
  }

  async create<K extends KindName>(kind: K, object: NewObject<K>): Promise<Kinds[K]> {
    const uid = systemRandom.uuid();
    const metadata = { ...object.metadata, uid, creationTimestamp: timestamp(systemClock.now()) };
    return this.#put(kind, "ADDED", { ...object, kind, metadata } as unknown as Kinds[K]);
  }

  async update<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]> {
    const before = this.#existing(kind, object.metadata as Ref);
    return this.#put(kind, "MODIFIED", { ...object, status: (before as { status?: unknown }).status } as Kinds[K]);
  }

  async updateStatus<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]> {
    const before = this.#existing(kind, object.metadata as Ref);
    const { status } = object as { status?: unknown };
    return this.#put(kind, "MODIFIED", { ...before, status: structuredClone(status) } as Kinds[K]);
  }

  async delete(kind: KindName, ref: Ref, { gracePeriodSeconds }: DeleteOptions = {}): Promise<void> {
    const object = this.#existing(kind, ref) as Kinds["Pod"];
    const grace = gracePeriodSeconds ?? object.spec?.terminationGracePeriodSeconds ?? 30;
    if (kind === "Pod" && grace > 0) {
      const deletionTimestamp = timestamp(systemClock.now() + grace * 1000);
      const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
      this.#put(kind, "MODIFIED", { ...object, metadata });
      return;
    }
    this.#of(kind).delete(key(object.metadata as Ref));
    this.#tell(kind, "DELETED", object);
  }

  async bind(pod: Ref, nodeName: string): Promise<void> {
    const before = this.#existing("Pod", pod);
    this.#put("Pod", "MODIFIED", { ...before, spec: { ...before.spec, nodeName } } as Kinds["Pod"]);
  }

  #existing<K extends KindName>(kind: K, ref: Ref): Kinds[K] {
    const found = this.get(kind, ref);
    if (!found) throw new ApiError("NotFound", `${kind} "${ref.name}" not found`);
    return found;
  }

  #put<K extends KindName>(kind: K, type: "ADDED" | "MODIFIED", object: Kinds[K]): Kinds[K] {
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    const stored = { ...object, metadata } as Kinds[K];
    this.#of(kind).set(key(metadata as Ref), stored);
    this.#tell(kind, type, stored);
    return stored;
  }

  #tell(kind: KindName, type: ObjectChange["type"], object: Stored): void {
    for (const listener of this.#listeners.get(kind) ?? []) listener({ kind, type, object });
  }

  #of(kind: KindName): Map<string, Stored> {
    const map = this.#kinds.get(kind) ?? new Map<string, Stored>();
    this.#kinds.set(kind, map);
    return map;
  }
}

function key({ namespace, name }: Ref): string {
  return `${namespace ?? ""}/${name}`;
}

export class MemoryEvents implements EventRecorder {
  readonly all: Parameters<EventRecorder["record"]>[0][] = [];

  record(event: Parameters<EventRecorder["record"]>[0]): void {
    this.all.push(event);
  }

  has(reason: string, message: string | RegExp = ""): boolean {
    return this.all.some(
      (event) =>
        event.reason === reason &&
        (typeof message === "string" ? event.message.includes(message) : message.test(event.message)),
    );
  }
}
