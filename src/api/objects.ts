import type { KindName, Kinds, ObjectMeta } from "./kinds.ts";

/** Names one object. With a `uid`, an object of the same name but another uid is not meant. */
export interface Ref {
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid?: string | undefined;
}

export interface ObjectChange<K extends KindName = KindName> {
  readonly kind: K;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Kinds[K];
}

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Seconds; a Pod's default is its own terminationGracePeriodSeconds, 0 removes it without waiting for its node. */
  readonly gracePeriodSeconds?: number;
}

/**
 * How controllers, the scheduler and the pod runtime see the cluster's objects. Guarantees:
 * - reads are synchronous, from this node's copy, and give shared snapshots that the caller must not change;
 * - writes pass defaulting, validation and admission as a user's would, and resolve once they are durable and visible
 *   to this port's reads;
 * - a failed write throws an `ApiError` whose `reason` is upstream's (`NotFound`, `AlreadyExists`, `Conflict`, ...).
 */
export interface Objects {
  get<K extends KindName>(kind: K, ref: Ref): Kinds[K] | undefined;
  /** All objects of a kind, or those of one namespace, ordered by namespace and name. */
  list<K extends KindName>(kind: K, namespace?: string): readonly Kinds[K][];
  /**
   * Calls `listener` with an ADDED for each object that exists, before it returns, and with each later change in order.
   * The listener must not throw and must not wait.
   */
  watch<K extends KindName>(kind: K, listener: (change: ObjectChange<K>) => void, signal: AbortSignal): void;
  /**
   * Creates. With `cause` the create is a controller's: uid and stamp derive from the cause, so that two nodes which do
   * it twice make one object; if it exists with that very uid, it is returned as it is.
   */
  create<K extends KindName>(kind: K, object: NewObject<K>, options?: CreateOptions): Promise<Kinds[K]>;
  /**
   * Replaces everything but the status, against `metadata.resourceVersion` where it is set: Conflict otherwise. A
   * `metadata.uid` that is set must match too.
   */
  update<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]>;
  /** Replaces the status only; `metadata.uid` must match, `metadata.resourceVersion` only where it is set. */
  updateStatus<K extends KindName>(kind: K, object: Kinds[K]): Promise<Kinds[K]>;
  /** Deletes, gracefully where the kind has that; NotFound when it is gone already. */
  delete(kind: KindName, ref: Ref, options?: DeleteOptions): Promise<void>;
  /** Sets `spec.nodeName`, once; Conflict when the pod is bound already. */
  bind(pod: Ref, nodeName: string): Promise<void>;
}

export interface CreateOptions {
  readonly cause?: readonly string[];
}

/** An object before the server has completed it. */
export type NewObject<K extends KindName> = Omit<Kinds[K], "metadata" | "kind" | "apiVersion"> & {
  metadata: Partial<ObjectMeta>;
};

/** What an Event is about. */
export interface Regarding {
  readonly kind: string;
  readonly apiVersion?: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid?: string | undefined;
  /** As upstream: `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** Makes failures and progress visible as Kubernetes Events; repeats are counted into one Event. Never throws. */
export interface EventRecorder {
  record(event: {
    readonly regarding: Regarding;
    readonly type: "Normal" | "Warning";
    /** UpperCamelCase, upstream's word where there is one. */
    readonly reason: string;
    readonly message: string;
  }): void;
}
