import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { dnsLabelProblems } from "../../validation/names.ts";

export const namespace = declareKind({
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.Namespace" }],
  status: true,
  subresources: [{ name: "finalize", verbs: ["update"] }],
  validateName: dnsLabelProblems,
  columns: [NAME, column("Status", "Active, or Terminating while its contents go."), AGE],
  row: (object, context) => [object.metadata?.name ?? "", object.status?.phase ?? "", ageCell(object, context)],
  applyDefaults: ({ metadata }) => {
    // Upstream labels every namespace with its own name, so that selectors can name it.
    if (metadata?.name) metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  },
  prepareCreate: (object) => {
    object.spec ??= {};
    object.spec.finalizers ??= ["kubernetes"];
    object.status = { phase: "Active" };
  },
  prepareUpdate: (next, previous) => {
    // Finalizers of a namespace change through `finalize` only.
    if (previous.spec?.finalizers !== undefined) next.spec = { ...next.spec, finalizers: previous.spec.finalizers };
  },
  fields: ({ metadata, status }) => ({ "status.phase": status?.phase ?? "", name: metadata?.name ?? "" }),
});
