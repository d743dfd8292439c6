import { isDeepStrictEqual } from "node:util";
import { ApiError, isReason } from "../api/api-error.ts";
import { invalidObject } from "../api/field-error.ts";
import type { KindDeclaration } from "../api/kind.ts";
import type { KubeObject } from "../api/kinds.ts";
import type { DeleteOptions, Ref } from "../api/objects.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Entry, Key, Precondition, Register, Store } from "../store/port.ts";
import type { Admission, AdmissionRequest, Settle, WriteContext } from "./admission/admission.ts";
import { isFinished, planDeletion } from "./objects/deletion.ts";
import { alreadyExists, conflict, modified, notFound } from "./objects/object-errors.ts";
import {
  checkName,
  copyField,
  generatedName,
  requestedName,
  specChanged,
  stampNew,
  stampUpdate,
} from "./objects/object-metadata.ts";

/** How often a write that names no version is tried again when another one came first. */
const ATTEMPTS = 20;
/** How often another generated name is tried when the first is taken; upstream's number. */
const NAME_ATTEMPTS = 8;

export interface RegistryDeps {
  readonly store: Store;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
}

export interface CreateContext extends WriteContext {
  /** See `CreateOptions.cause`. */
  readonly cause?: readonly string[] | undefined;
}

/**
 * Which part of the object a write replaces. `status`: only the status. `unchecked`: everything but the status, past the
 * kind's own rules about changes; for subresources that have rules of their own.
 */
export type UpdateScope = "main" | "status" | "unchecked";

export interface UpdateContext extends WriteContext {
  readonly scope?: UpdateScope;
}

/** Gives the object as it should be. Called again with the newer version when another write came first. */
export type Change = (current: KubeObject) => KubeObject | Promise<KubeObject>;

export interface DeleteContext extends WriteContext, DeleteOptions {
  readonly preconditions?: Precondition | undefined;
}

export interface Deleted {
  /** The last state, or the state while finalizers and grace last. */
  readonly entry: Entry;
  readonly removed: boolean;
}

/**
 * The rules about objects, the same for every kind: what a kind's declaration and admission say, applied in order around
 * the store. Takes and gives objects of the storage version. Failures are ApiErrors with upstream's reason and wording.
 */
export class Registry {
  readonly store: Store;
  readonly #admission: Admission;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ store, admission, clock, random }: RegistryDeps) {
    this.store = store;
    this.#admission = admission;
    this.#clock = clock;
    this.#random = random;
  }

  find(kind: KindDeclaration, ref: Ref): Entry | undefined {
    const entry = this.store.get(keyOf(kind, ref));
    return ref.uid !== undefined && entry?.uid !== ref.uid ? undefined : entry;
  }

  get(kind: KindDeclaration, ref: Ref): Entry {
    const entry = this.find(kind, ref);
    if (!entry) throw notFound(kind, ref.name);
    return entry;
  }

  list(kind: KindDeclaration, namespace?: string): ReturnType<Store["list"]> {
    return this.store.list(kind.resource, namespace);
  }

  /** Owns `object`: completes it in place. */
  async create(kind: KindDeclaration, object: KubeObject, context: CreateContext = {}): Promise<Entry> {
    const { cause } = context;
    stampNew(kind, object, { clock: this.#clock, random: this.#random }, cause !== undefined);
    const { generateName } = object.metadata;
    const generated = requestedName(object) === undefined && generateName !== undefined && generateName !== "";
    if (!generated) return this.#createNamed(kind, object, context);
    for (let attempt = 1; ; attempt++) {
      const named = structuredClone(object);
      named.metadata.name = generatedName(generateName, this.#random, cause);
      try {
        return await this.#createNamed(kind, named, context);
      } catch (error) {
        if (!isReason(error, "AlreadyExists") || cause !== undefined || attempt >= NAME_ATTEMPTS) throw error;
      }
    }
  }

  async #createNamed(kind: KindDeclaration, object: KubeObject, context: CreateContext): Promise<Entry> {
    if (kind.status) delete object["status"];
    kind.applyDefaults(object);
    kind.prepareCreate(object);
    checkName(kind, object);
    const key = keyOf(kind, { namespace: object.metadata.namespace, name: object.metadata.name ?? "" });
    const { cause } = context;
    const store = async (): Promise<Entry> => {
      try {
        return await this.store.create(key, object, cause ? { cause } : {});
      } catch (error) {
        throw isReason(error, "AlreadyExists") ? alreadyExists(kind, key.name) : error;
      }
    };
    if (this.store.get(key)) {
      if (cause === undefined) throw alreadyExists(kind, key.name);
      // Nothing new is made: the store tells whether it is the very object, and what it has needs no admission again.
      return store();
    }
    return this.#admitted({ kind, operation: "create", object, context }, async () => {
      refuseInvalid(kind, object, kind.validate(object));
      warnAbout(kind, object, context);
      return store;
    });
  }

  async update(kind: KindDeclaration, ref: Ref, change: Change, context: UpdateContext = {}): Promise<Entry> {
    for (let attempt = 1; ; attempt++) {
      const current = this.get(kind, ref);
      const next = structuredClone(await change(current.object));
      const pinned = checkPreconditions(kind, next, current);
      try {
        return await this.#replace(kind, current, next, context);
      } catch (error) {
        if (!isReason(error, "Conflict") || !(error instanceof StaleError)) throw error;
        if (pinned || attempt >= ATTEMPTS) throw modified(kind, ref.name, { cause: error });
      }
    }
  }

  async #replace(kind: KindDeclaration, current: Entry, next: KubeObject, context: UpdateContext): Promise<Entry> {
    const { scope = "main" } = context;
    const previous = current.object;
    const register: Register = scope === "status" ? "status" : "main";
    if (register === "status") return this.#replaceStatus(kind, current, next, context);
    stampUpdate(kind, next, previous);
    kind.applyDefaults(next);
    if (scope === "main") kind.prepareUpdate(next, previous);
    const request: AdmissionRequest = { kind, operation: "update", object: next, previous, context };
    const entry = await this.#admitted(request, async () => {
      // Not by a binding: a pod's first generation is the one that runs, as upstream.
      if (kind.generation && scope === "main" && specChanged(next, previous))
        next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
      if (isDeepStrictEqual(next, previous)) return () => Promise.resolve(current);
      if (scope === "main") refuseInvalid(kind, next, [...kind.validate(next), ...kind.validateUpdate(next, previous)]);
      warnAbout(kind, next, context);
      return () => this.#write(current, next, register);
    });
    return context.dryRun === true ? entry : this.#finish(kind, entry);
  }

  /** Removes an object whose last finalizer has just gone. */
  async #finish(kind: KindDeclaration, written: Entry): Promise<Entry> {
    let latest: Entry | undefined = written;
    while (latest?.uid === written.uid && isFinished(kind, latest.object)) {
      try {
        return await this.#remove(kind, latest);
      } catch (error) {
        if (!(error instanceof StaleError) && !isReason(error, "NotFound")) throw error;
        latest = this.store.get(written.key);
      }
    }
    return written;
  }

  /** Admission has no say about a status: it is a report. */
  async #replaceStatus(
    kind: KindDeclaration,
    current: Entry,
    next: KubeObject,
    context: UpdateContext,
  ): Promise<Entry> {
    const object = structuredClone(current.object);
    copyField(object, next, "status");
    if (isDeepStrictEqual(object, current.object)) return current;
    return context.dryRun === true ? unstored(current.key, object) : this.#write(current, object, "status");
  }

  async #write(current: Entry, next: KubeObject, register: Register): Promise<Entry> {
    try {
      const { uid, resourceVersion } = current;
      return await this.store.update(current.key, next, { register, uid, resourceVersion });
    } catch (error) {
      throw isReason(error, "Conflict") || isReason(error, "NotFound") ? new StaleError(error) : error;
    }
  }

  async #remove(kind: KindDeclaration, { key, uid, resourceVersion }: Entry): Promise<Entry> {
    try {
      return await this.store.delete(key, { uid, resourceVersion });
    } catch (error) {
      if (isReason(error, "NotFound")) throw notFound(kind, key.name);
      throw isReason(error, "Conflict") ? new StaleError(error) : error;
    }
  }

  async delete(kind: KindDeclaration, ref: Ref, context: DeleteContext = {}): Promise<Deleted> {
    for (let attempt = 1; ; attempt++) {
      const current = this.get(kind, ref);
      checkDeletePreconditions(kind, current, context.preconditions);
      const request: AdmissionRequest = { kind, operation: "delete", object: current.object, context };
      const settle = await this.#admission.mutate(request);
      let removed = false;
      try {
        await this.#admission.check(request);
        const deleted = await this.#deleteVersion(kind, current, context);
        removed = deleted.removed && context.dryRun !== true;
        return deleted;
      } catch (error) {
        if (!(error instanceof StaleError) || attempt >= ATTEMPTS) throw error;
      } finally {
        await settle(removed);
      }
    }
  }

  async #deleteVersion(kind: KindDeclaration, current: Entry, context: DeleteContext): Promise<Deleted> {
    const plan = planDeletion(kind, current.object, { options: context, now: this.#clock.now() });
    if (plan.type === "wait") return { entry: current, removed: false };
    if (plan.type === "remove") {
      const entry = context.dryRun === true ? current : await this.#remove(kind, current);
      return { entry, removed: true };
    }
    if (context.dryRun === true) return { entry: unstored(current.key, plan.object), removed: false };
    const marked = await this.#write(current, plan.object, "main");
    if (isFinished(kind, marked.object)) return { entry: await this.#finish(kind, marked), removed: true };
    if (kind.kind !== "Namespace") return { entry: marked, removed: false };
    const terminating = { ...marked.object, status: { ...(marked.object["status"] as object), phase: "Terminating" } };
    return { entry: await this.#write(marked, terminating, "status"), removed: false };
  }

  /** Runs admission around `prepare`, which validates and gives the write. */
  async #admitted(request: AdmissionRequest, prepare: () => Promise<() => Promise<Entry>>): Promise<Entry> {
    const settle: Settle = await this.#admission.mutate(request);
    let stored = false;
    try {
      const write = await prepare();
      await this.#admission.check(request);
      if (request.context.dryRun === true) {
        return unstored(
          keyOf(request.kind, { ...request.object.metadata, name: request.object.metadata.name ?? "" }),
          request.object,
        );
      }
      const entry = await write();
      stored = true;
      return entry;
    } finally {
      await settle(stored);
    }
  }
}

/** Another write came first. */
class StaleError extends ApiError {
  constructor(cause: ApiError) {
    super("Conflict", cause.message, cause.details, { cause });
  }
}

export function keyOf(kind: KindDeclaration, ref: { namespace?: string | undefined; name: string }): Key {
  return { resource: kind.resource, namespace: kind.namespaced ? (ref.namespace ?? "") : "", name: ref.name };
}

function refuseInvalid(kind: KindDeclaration, object: KubeObject, errors: Parameters<typeof invalidObject>[1]): void {
  if (errors.length === 0) return;
  throw invalidObject({ kind: kind.kind, group: kind.group, name: object.metadata.name ?? "" }, errors);
}

function warnAbout(kind: KindDeclaration, object: KubeObject, context: WriteContext): void {
  if (!context.warn) return;
  for (const sentence of kind.warnings(object)) context.warn(sentence);
}

/** True when the writer named a version, so that its write must not be repeated on another one. */
function checkPreconditions(kind: KindDeclaration, next: KubeObject, current: Entry): boolean {
  const { uid, resourceVersion } = next.metadata;
  const name = current.key.name;
  if (uid !== undefined && uid !== "" && uid !== current.uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`);
  }
  if (resourceVersion === undefined || resourceVersion === "" || resourceVersion === "0") return false;
  if (resourceVersion !== current.resourceVersion) throw modified(kind, name);
  return true;
}

function checkDeletePreconditions(kind: KindDeclaration, current: Entry, wanted: Precondition = {}): void {
  const { uid, resourceVersion } = wanted;
  const name = current.key.name;
  if (uid !== undefined && uid !== current.uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== current.resourceVersion) {
    const both = `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${current.resourceVersion}`;
    throw conflict(kind, name, `Precondition failed: ${both}`);
  }
}

/** What a dry run answers: looks like an entry and is stored nowhere. */
function unstored(key: Key, object: KubeObject): Entry {
  const { uid = "", resourceVersion = "" } = object.metadata;
  return { key, uid, resourceVersion, object, json: () => Buffer.from(JSON.stringify(object)) };
}
