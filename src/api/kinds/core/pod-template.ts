import { NAME, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { applyPodTemplateDefaults } from "../../defaulting/pod-template.ts";
import { podTemplateErrors } from "../../validation/pod-spec.ts";
import { labelsCell, templateCells } from "../workload-columns.ts";

export const podTemplate = declareKind({
  kind: "PodTemplate",
  plural: "podtemplates",
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.PodTemplate" }],
  generation: true,
  columns: [
    NAME,
    column("Containers", "The names of its containers."),
    column("Images", "The images of its containers."),
    column("Pod Labels", "The labels that its pods get."),
  ],
  row: ({ metadata, template }) => [
    metadata?.name ?? "",
    ...templateCells(template),
    labelsCell(template?.metadata?.labels),
  ],
  applyDefaults: ({ template }) => applyPodTemplateDefaults(template),
  validate: ({ template }) =>
    podTemplateErrors(template, { field: "template", restartPolicies: ["Always", "Never", "OnFailure"] }),
});
