import { AGE, NAME, ageCell } from "./columns.ts";
import { ALL_VERBS } from "./kind.ts";
import type { KindDeclaration, KindInit, ServedVersion } from "./kind.ts";
import type { KindName, KubeObject } from "./kinds.ts";
import type { FieldError } from "./field-error.ts";
import { metadataErrors, metadataUpdateErrors } from "./validation/metadata.ts";
import { dnsSubdomainProblems } from "./validation/names.ts";
import { requiredErrors } from "./validation/required.ts";

/** Completes what a kind's file says with the usual values, and erases the kind's type for the registry. */
export function declareKind<K extends KindName>(init: KindInit<K>): KindDeclaration<K> {
  const versions = init.versions.map((version): ServedVersion => ({
    ...version,
    apiVersion: apiVersionOf(version.group, version.version),
  }));
  const storage = versions.find((version) => version.toStorage === undefined);
  if (storage === undefined) throw new Error(`Cannot declare ${init.kind}: no version is the storage version`);
  const singular = init.kind.toLowerCase();
  const hooks = init as unknown as Partial<KindDeclaration>;
  const declaration: KindDeclaration<K> = {
    kind: init.kind,
    plural: init.plural,
    singular,
    shortNames: init.shortNames ?? [],
    categories: init.categories ?? [],
    namespaced: init.namespaced,
    resource: storage.group === "" ? init.plural : `${init.plural}.${storage.group}`,
    group: storage.group,
    storage,
    versions,
    verbs: ALL_VERBS,
    status: init.status ?? false,
    scale: init.scale,
    subresources: init.subresources ?? [],
    ephemeral: init.ephemeral ?? false,
    generation: init.generation ?? false,
    validateName: init.validateName ?? dnsSubdomainProblems,
    applyDefaults: hooks.applyDefaults ?? nothing,
    prepareCreate: hooks.prepareCreate ?? nothing,
    prepareUpdate: hooks.prepareUpdate ?? nothing,
    validate: (object) => allErrors(declaration as unknown as KindDeclaration, object, hooks.validate?.(object) ?? []),
    validateUpdate: (next, previous) => [
      ...metadataUpdateErrors(next, previous),
      ...(hooks.validateUpdate?.(next, previous) ?? []),
    ],
    warnings: hooks.warnings ?? (() => []),
    columns: init.columns ?? [NAME, AGE],
    row: hooks.row ?? ((object: KubeObject, context) => [object.metadata.name ?? "", ageCell(object, context)]),
    fields: hooks.fields ?? (() => ({})),
  };
  return declaration;
}

/** A kind's own errors say more than "Required value" does, so a missing field that one of them is about is left to it. */
function allErrors(declaration: KindDeclaration, object: KubeObject, own: readonly FieldError[]): FieldError[] {
  const missing = requiredErrors(declaration.storage.schema, object).filter(
    ({ field }) => !own.some((error) => error.field === field || error.field.startsWith(`${field}.`)),
  );
  return [...metadataErrors(declaration, object), ...own, ...missing];
}

export function apiVersionOf(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

function nothing(): void {}
