import type { KindName, Kinds, OwnerReference } from "../../api/kinds.ts";
import type { ObjectChange, Objects, Ref } from "../../api/objects.ts";
import { stored, type Stored } from "../../api/stored.ts";
import { ObjectIndex } from "../../client/object-index.ts";
import type { ClusterView } from "../cluster-view.ts";
import { NOTHING, targetOf, type Controller, type Plan, type Target, type Watch } from "../controller.ts";
import { decideGarbage, FOREGROUND, type Dependent, type OwnerState } from "./decide-garbage.ts";

export interface KindScope {
  readonly kind: KindName;
  readonly namespaced: boolean;
}

/**
 * Says whether an object of that uid is truly gone, and not only unknown here. On one node, whose copy is complete, it
 * always is; in a cluster it takes the tombstone, or every ready member's word.
 */
export type ConfirmAbsence = (kind: KindName, ref: Ref) => Promise<boolean>;

export interface GarbageControllerDeps {
  readonly objects: Objects;
  readonly view: ClusterView;
  readonly kinds: readonly KindScope[];
  readonly confirmAbsence: ConfirmAbsence;
}

/** Look again after this long when an absence could not be confirmed. */
const UNCONFIRMED_MS = 30_000;

/** Deletes what its owners leave behind, in the three ways that a delete can ask for. */
export class GarbageController implements Controller {
  readonly name = "garbage-collector-controller";
  readonly watches: readonly Watch[];
  readonly #deps: GarbageControllerDeps;
  readonly #scopes: ReadonlyMap<string, KindScope>;
  readonly #indexes = new Map<KindName, ObjectIndex<KindName>>();

  constructor(deps: GarbageControllerDeps) {
    this.#deps = deps;
    this.#scopes = new Map(deps.kinds.map((scope) => [scope.kind, scope]));
    for (const { kind } of deps.kinds) {
      const keys = ({ metadata }: Stored<KindName>): string[] =>
        (metadata.ownerReferences ?? []).map((reference) => reference.uid);
      this.#indexes.set(kind, new ObjectIndex({ objects: deps.objects }, { kind, keys }));
    }
    this.watches = deps.kinds.map(
      ({ kind }) => ({ kind, targets: (change: ObjectChange) => this.#touched(kind, change) }) as Watch,
    );
  }

  *all(): Iterable<Target> {
    for (const { kind } of this.#deps.kinds) {
      for (const object of this.#deps.objects.list(kind)) {
        if (isConcerned(object)) yield targetOf(kind, object);
      }
    }
  }

  async decide(target: Target): Promise<Plan> {
    const { kind } = target;
    const object = this.#deps.view.get(kind, target);
    if (!object || !isConcerned(object)) return NOTHING;
    const references = object.metadata.ownerReferences ?? [];
    const owners: { reference: OwnerReference; state: OwnerState }[] = [];
    let unconfirmed = false;
    for (const reference of references) {
      const state = await this.#stateOf(reference, object.metadata.namespace);
      unconfirmed ||= state === "unknown";
      owners.push({ reference, state: state === "unknown" ? "solid" : state });
    }
    const dependents = this.#dependentsOf(object.metadata.uid);
    const writes = decideGarbage({ kind, object, owners, dependents });
    return { stages: [writes], againMs: unconfirmed ? UNCONFIRMED_MS : undefined };
  }

  /** Keeps the index, and names what a change concerns: the object, its dependents, owners that wait for it. */
  *#touched(kind: KindName, { type, object }: ObjectChange): Iterable<Target> {
    const { metadata } = stored(object);
    this.#indexes.get(kind)?.follow({ type, object });
    if (type !== "DELETED" && isConcerned(object)) yield targetOf(kind, object);
    const holds = type === "DELETED" || metadata.finalizers?.includes(FOREGROUND) === true;
    if (holds) {
      for (const dependent of this.#dependentsOf(metadata.uid)) yield targetOf(dependent.kind, dependent.object);
    }
    for (const reference of metadata.ownerReferences ?? []) {
      const scope = this.#scopes.get(reference.kind);
      const owner = scope && this.#owner(scope, reference, metadata.namespace);
      if (owner?.metadata.deletionTimestamp !== undefined) yield targetOf(scope?.kind ?? kind, owner);
    }
  }

  #dependentsOf(uid: string): Dependent[] {
    return this.#deps.kinds.flatMap(({ kind }) =>
      (this.#indexes.get(kind)?.get(uid) ?? []).map((object) => ({ kind, object })),
    );
  }

  async #stateOf(reference: OwnerReference, namespace: string | undefined): Promise<OwnerState | "unknown"> {
    const scope = this.#scopes.get(reference.kind);
    // A kind that we do not know may well have such an object.
    if (!scope) return "solid";
    // No namespace to look in: such a reference says nothing, and must not cost an object its life.
    if (scope.namespaced && namespace === undefined) return "solid";
    const owner = this.#owner(scope, reference, namespace);
    if (owner) {
      const waits =
        owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(FOREGROUND) === true;
      return waits && reference.blockOwnerDeletion === true ? "waiting" : "solid";
    }
    const { name, uid } = reference;
    const where = scope.namespaced ? namespace : undefined;
    return (await this.#deps.confirmAbsence(scope.kind, { namespace: where, name, uid })) ? "gone" : "unknown";
  }

  #owner(
    { kind, namespaced }: KindScope,
    reference: OwnerReference,
    namespace: string | undefined,
  ): Stored<KindName> | undefined {
    const owner = this.#deps.view.get(kind, { namespace: namespaced ? namespace : undefined, name: reference.name });
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }
}

/** Only what has owners, or is on its way out with somebody waiting, can need anything. */
function isConcerned(object: Kinds[KindName]): boolean {
  const { metadata } = stored(object);
  return (
    (metadata.ownerReferences ?? []).length > 0 ||
    (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length > 0)
  );
}
