import type { FieldError } from "./field-error.ts";
import type { KindName, Kinds, KubeObject } from "./kinds.ts";

export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

export const ALL_VERBS: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** One group and version under which a kind is served. The storage version has no conversions. */
export interface ServedVersion {
  readonly group: string;
  readonly version: string;
  /** `v1` or `apps/v1`: what an object of this version has in `apiVersion`. */
  readonly apiVersion: string;
  /** The name of its schema, e.g. `apps.v1.Deployment`. */
  readonly schema: string;
  /** Gives a new object of the storage version. */
  readonly toStorage?: (object: KubeObject) => KubeObject;
  /** Gives a new object of this version. */
  readonly fromStorage?: (object: KubeObject) => KubeObject;
}

/** A column of the Table that `kubectl get` prints. Priority 0 is always shown, others with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  /** `name` marks the column that identifies the object. */
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

export interface RowContext {
  /** Milliseconds since the Unix epoch; ages count from it. */
  readonly now: number;
}

export type Cell = string | number | boolean;

/** A subresource other than `status` and `scale`, for discovery. */
export interface Subresource {
  readonly name: string;
  /** The kind that it takes or gives, e.g. Binding; the parent's own when absent. */
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly ("create" | "get" | "patch" | "update" | "delete")[];
}

/** Where `scale` reads and writes; paths are those of upstream. */
export interface ScalePaths {
  readonly specReplicas: "spec.replicas";
  readonly statusReplicas: "status.replicas" | "status.currentReplicas";
  /** `labels`: spec.selector is a plain map (ReplicationController); `selector`: a LabelSelector. */
  readonly selector: "labels" | "selector";
}

/**
 * Everything the API server knows about a kind. The order in which a write uses it:
 * decode by `schema`, `toStorage`, `applyDefaults`, `prepareCreate` or `prepareUpdate`, `validate`, `validateUpdate`.
 * All hooks take objects of the storage version; those that change an object do so in place, on the caller's copy.
 */
export interface KindDeclaration<K extends KindName = KindName> {
  readonly kind: K;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The storage resource: `plural` for the core group, else `plural.group` of the storage version. */
  readonly resource: string;
  /** The group of the storage version; "" is core. */
  readonly group: string;
  readonly storage: ServedVersion;
  /** All served versions, the storage version among them; of one group the preferred one comes first. */
  readonly versions: readonly ServedVersion[];
  readonly verbs: readonly Verb[];
  /** `status` is written apart from the rest, and cleared on create. */
  readonly status: boolean;
  readonly scale: ScalePaths | undefined;
  readonly subresources: readonly Subresource[];
  /** Acknowledged from memory, capped, and expiring: Events. */
  readonly ephemeral: boolean;
  /** Names the object's rule: what `metadata.name` must look like. Gives the sentences of what is wrong. */
  readonly validateName: (name: string) => readonly string[];
  /** True where `metadata.generation` counts changes of the spec. */
  readonly generation: boolean;
  readonly applyDefaults: (object: KubeObject) => void;
  readonly prepareCreate: (object: KubeObject) => void;
  readonly prepareUpdate: (next: KubeObject, previous: KubeObject) => void;
  readonly validate: (object: KubeObject) => FieldError[];
  /** What an update must not change; `validate` runs on `next` too. */
  readonly validateUpdate: (next: KubeObject, previous: KubeObject) => FieldError[];
  /** Sentences for the `Warning` header: fields and kinds that nothing acts on yet, and deprecated fields. */
  readonly warnings: (object: KubeObject) => string[];
  readonly columns: readonly Column[];
  /** One cell for each column, in its order. */
  readonly row: (object: KubeObject, context: RowContext) => Cell[];
  /** What field selectors may name besides metadata.name and metadata.namespace, with this object's values. */
  readonly fields: (object: KubeObject) => Readonly<Record<string, string>>;
}

type Hook<K extends KindName, Rest extends unknown[], Result> = (object: Kinds[K], ...rest: Rest) => Result;

/** What a kind's file writes down; everything left out has the usual value. */
export interface KindInit<K extends KindName> {
  readonly kind: K;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** The storage version first in meaning, not in order: the one without conversions. */
  readonly versions: readonly Omit<ServedVersion, "apiVersion">[];
  readonly status?: boolean;
  readonly scale?: ScalePaths;
  readonly subresources?: readonly Subresource[];
  readonly ephemeral?: boolean;
  readonly generation?: boolean;
  readonly validateName?: (name: string) => readonly string[];
  readonly applyDefaults?: Hook<K, [], void>;
  readonly prepareCreate?: Hook<K, [], void>;
  readonly prepareUpdate?: Hook<K, [previous: Kinds[K]], void>;
  readonly validate?: Hook<K, [], FieldError[]>;
  readonly validateUpdate?: Hook<K, [previous: Kinds[K]], FieldError[]>;
  readonly warnings?: Hook<K, [], string[]>;
  readonly columns?: readonly Column[];
  readonly row?: Hook<K, [context: RowContext], Cell[]>;
  readonly fields?: Hook<K, [], Record<string, string>>;
}
