import type { KindDeclaration } from "../api/kind.ts";
import type { KindName, Kinds, KubeObject } from "../api/kinds.ts";
import type { CreateOptions, DeleteOptions, NewObject, ObjectChange, Objects, Ref } from "../api/objects.ts";
import type { Clock } from "../lib/clock.ts";
import type { Entry, StoreEvent } from "../store/port.ts";
import { bindPod } from "./subresources/pod-binding.ts";
import type { Registry } from "./registry.ts";

export interface LocalObjectsDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  /** The declaration of a kind; throws for an unknown one. */
  readonly kindNamed: (kind: KindName) => KindDeclaration;
}

/** The port of controllers, scheduler and runtime, over the registry of this very process: no HTTP, no copies. */
export class LocalObjects implements Objects {
  readonly #deps: LocalObjectsDeps;

  constructor(deps: LocalObjectsDeps) {
    this.#deps = deps;
  }

  get<K extends KindName>(kind: K, ref: Ref): Kinds[K] | undefined {
    const entry = this.#deps.registry.find(this.#deps.kindNamed(kind), ref);
    return entry && typed<K>(entry);
  }

  list<K extends KindName>(kind: K, namespace?: string): readonly Kinds[K][] {
    const { entries } = this.#deps.registry.list(this.#deps.kindNamed(kind), namespace);
    return entries.map((entry) => typed<K>(entry));
  }

  watch<K extends KindName>(kind: K, listener: (change: ObjectChange<K>) => void, signal: AbortSignal): void {
    const { registry, kindNamed } = this.#deps;
    const { resource } = kindNamed(kind);
    const { entries, resourceVersion } = registry.store.list(resource);
    for (const entry of entries) {
      if (signal.aborted) return;
      listener({ kind, type: "ADDED", object: typed<K>(entry) });
    }
    const forward = ({ type, entry }: StoreEvent): void => listener({ kind, type, object: typed<K>(entry) });
    registry.store.watch(resource, resourceVersion, forward, signal);
  }

  async create<K extends KindName>(kind: K, object: NewObject<K>, { cause }: CreateOptions = {}): Promise<Kinds[K]> {
    const { registry, kindNamed } = this.#deps;
    const declaration = kindNamed(kind);
    const own = {
      ...structuredClone(object),
      kind,
      apiVersion: declaration.storage.apiVersion,
    } as unknown as KubeObject;
    return typed<K>(await registry.create(declaration, own, { cause }));
  }

  /** A controller may take the finalizers out of a Namespace's spec with this; for users that is a subresource. */
  async update<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]> {
    const { registry, kindNamed } = this.#deps;
    const scope = kind === "Namespace" ? "unchecked" : "main";
    return typed<K>(await registry.update(kindNamed(kind), refOf(object), () => wire(object), { scope }));
  }

  async updateStatus<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]> {
    const { registry, kindNamed } = this.#deps;
    return typed<K>(await registry.update(kindNamed(kind), refOf(object), () => wire(object), { scope: "status" }));
  }

  async delete(kind: KindName, ref: Ref, options: DeleteOptions = {}): Promise<void> {
    const { registry, kindNamed } = this.#deps;
    await registry.delete(kindNamed(kind), ref, { ...options, preconditions: { uid: ref.uid } });
  }

  async bind(pod: Ref, nodeName: string): Promise<void> {
    const { registry, clock, kindNamed } = this.#deps;
    await bindPod({ registry, clock, pods: kindNamed("Pod") }, { pod, nodeName });
  }
}

/** The one place where a stored object gets its kind's type: the registry has validated it against the schema. */
function typed<K extends KindName>(entry: Entry): Kinds[K] {
  return entry.object as unknown as Kinds[K];
}

function wire(object: Kinds[KindName]): KubeObject {
  return object as unknown as KubeObject;
}

function refOf(object: Kinds[KindName]): Ref {
  const { name = "", namespace } = object.metadata ?? {};
  return { name, namespace };
}
