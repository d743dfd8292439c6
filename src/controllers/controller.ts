import type { KindName, Kinds } from "../api/kinds.ts";
import type { CreateOptions, DeleteOptions, NewObject, ObjectChange, Ref, Regarding } from "../api/objects.ts";

/** One object that a controller decides about. */
export interface Target extends Ref {
  readonly kind: KindName;
}

export type Watch = {
  [K in KindName]: {
    readonly kind: K;
    /** The targets that must be looked at again after this change. */
    readonly targets: (change: ObjectChange<K>) => Iterable<Target>;
  };
}[KindName];

/** A write that a controller wants, as data. */
export type Write =
  | {
      readonly verb: "create";
      readonly kind: KindName;
      readonly object: NewObject<KindName>;
      readonly options?: CreateOptions;
    }
  | { readonly verb: "update" | "status"; readonly kind: KindName; readonly object: Kinds[KindName] }
  | { readonly verb: "delete"; readonly kind: KindName; readonly ref: Ref; readonly options?: DeleteOptions };

export interface PlannedEvent {
  readonly regarding: Regarding;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What a controller wants done about one target. */
export interface Plan {
  /**
   * Done one stage after the other; the writes of a stage run together, creates by slow start. A failed stage does not
   * keep the later ones from being tried, so a stage that must not run without the one before belongs into a later plan.
   */
  readonly stages: readonly (readonly Write[])[];
  /** Recorded after the writes have succeeded. */
  readonly events?: readonly PlannedEvent[];
  /** Look again after this many milliseconds even if nothing changes. */
  readonly againMs?: number | undefined;
}

export const NOTHING: Plan = { stages: [] };

/** Decides about the targets of one duty. Called for one target at a time, for several targets in turn. */
export interface Controller {
  /** As it appears in logs, metrics and as the source of Events; upstream's component name where there is one. */
  readonly name: string;
  readonly watches: readonly Watch[];
  /** Reads its snapshot and returns what is wanted. Deterministic in what it reads, apart from the clock. */
  decide(target: Target): Plan | Promise<Plan>;
  /** Told about each write that was done, and each that was not. */
  written?(target: Target, write: Write, result: Kinds[KindName] | undefined): void;
  failed?(target: Target, write: Write, error: unknown): void;
  /** All targets, for when this node becomes home of other objects. */
  all(): Iterable<Target>;
}

/** Which node decides about an object. On a single node it is always this one. */
export interface Homes {
  isHome(kind: KindName, ref: Ref): boolean;
  /** Calls `listener` after each change of any home. */
  changed(listener: () => void, signal: AbortSignal): void;
}

export const ALWAYS_HOME: Homes = { isHome: () => true, changed: () => {} };

export function create<K extends KindName>(kind: K, object: NewObject<K>, cause?: readonly string[]): Write {
  return {
    verb: "create",
    kind,
    object: object as NewObject<KindName>,
    ...(cause ? { options: { cause } } : {}),
  };
}

/** Replaces all but the status, refused when the object has changed since it was read. */
export function update<K extends KindName>(kind: K, object: Kinds[K]): Write {
  return { verb: "update", kind, object };
}

/**
 * Replaces the status. The version is left out on purpose: only this controller writes it, and it must not be refused
 * because a spec changed, which leads to another decision anyway.
 */
export function status<K extends KindName>(kind: K, object: Kinds[K]): Write {
  const { resourceVersion: _, ...metadata } = object.metadata ?? {};
  return { verb: "status", kind, object: { ...object, metadata } };
}

export function remove(kind: KindName, ref: Ref, options?: DeleteOptions): Write {
  return { verb: "delete", kind, ref, ...(options ? { options } : {}) };
}

export function refOf(object: Kinds[KindName]): Ref {
  const { namespace, name = "", uid } = object.metadata ?? {};
  return { namespace, name, uid };
}

export function targetOf(kind: KindName, object: Kinds[KindName]): Target {
  const { namespace, name = "" } = object.metadata ?? {};
  return { kind, namespace, name };
}

export function regarding(kind: KindName, apiVersion: string, object: Kinds[KindName]): Regarding {
  const { namespace, name = "", uid } = object.metadata ?? {};
  return { kind, apiVersion, namespace, name, uid };
}
