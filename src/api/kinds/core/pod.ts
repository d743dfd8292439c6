import { declareKind } from "../../declare-kind.ts";
import { applyPodDefaults } from "../../defaulting/pod-template.ts";
import type { Pod } from "../../kinds.ts";
import { podSpecErrors } from "../../validation/pod-spec.ts";
import { podUpdateErrors } from "../../validation/pod-update.ts";
import { podSpecWarnings } from "../unserved-fields.ts";
import { podColumns, podRow } from "./pod-columns.ts";

export const pod = declareKind({
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Pod" }],
  status: true,
  // Since Kubernetes 1.33. The scheduler tries a pod again when it changes.
  generation: true,
  subresources: [
    { name: "binding", kind: "Binding", verbs: ["create"] },
    { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
    { name: "log", verbs: ["get"] },
    { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
    { name: "attach", kind: "PodAttachOptions", verbs: ["create", "get"] },
    { name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
  ],
  columns: podColumns,
  row: podRow,
  applyDefaults: (object) => {
    if (object.spec !== undefined) applyPodDefaults(object.spec);
  },
  prepareCreate: (object) => {
    object.status = { phase: "Pending", qosClass: qosClass(object) };
  },
  validate: ({ spec }) => (spec === undefined ? [] : podSpecErrors(spec, "spec")),
  validateUpdate: podUpdateErrors,
  warnings: ({ spec }) => podSpecWarnings(spec, "spec"),
  fields: ({ spec, status }) => ({
    "spec.nodeName": spec?.nodeName ?? "",
    "spec.restartPolicy": spec?.restartPolicy ?? "",
    "spec.schedulerName": spec?.schedulerName ?? "",
    "spec.serviceAccountName": spec?.serviceAccountName ?? "",
    "spec.hostNetwork": String(spec?.hostNetwork ?? false),
    "status.phase": status?.phase ?? "",
    "status.podIP": status?.podIP ?? status?.podIPs?.[0]?.ip ?? "",
    "status.podIPs": status?.podIPs?.[0]?.ip ?? "",
    "status.nominatedNodeName": status?.nominatedNodeName ?? "",
  }),
});

/** Guaranteed: limits of CPU and memory everywhere and equal to the requests; BestEffort: none at all. */
function qosClass({ spec }: Pod): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const amounts = containers.flatMap(({ resources }) =>
    (["cpu", "memory"] as const).map((name) => ({
      limit: resources?.limits?.[name],
      request: resources?.requests?.[name],
    })),
  );
  if (amounts.every(({ limit, request }) => limit === undefined && request === undefined)) return "BestEffort";
  const guaranteed = amounts.every(({ limit, request }) => limit !== undefined && (request ?? limit) === limit);
  return guaranteed ? "Guaranteed" : "Burstable";
}
