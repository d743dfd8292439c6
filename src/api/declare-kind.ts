import { AGE, NAME, ageCell } from "./columns.ts";
import { ALL_VERBS } from "./kind.ts";
import type { KindDeclaration, KindInit, ServedVersion } from "./kind.ts";
import type { KindName, KubeObject } from "./kinds.ts";
import { dnsSubdomainProblems } from "./validation/names.ts";

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
  return {
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
    validate: hooks.validate ?? noErrors,
    validateUpdate: hooks.validateUpdate ?? noErrors,
    warnings: hooks.warnings ?? (() => []),
    columns: init.columns ?? [NAME, AGE],
    row: hooks.row ?? ((object: KubeObject, context) => [object.metadata.name ?? "", ageCell(object, context)]),
    fields: hooks.fields ?? (() => ({})),
  };
}

export function apiVersionOf(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

function nothing(): void {}

function noErrors(): [] {
  return [];
}
