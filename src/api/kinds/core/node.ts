import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid } from "../../field-error.ts";
import type { Node } from "../../kinds.ts";
import { oneOf } from "../../validation/container.ts";
import { labelValueProblems, qualifiedNameProblems } from "../../validation/names.ts";

const ROLE_LABEL = "node-role.kubernetes.io/";

export const node = declareKind({
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  namespaced: false,
  versions: [{ group: "", version: "v1", schema: "core.v1.Node" }],
  status: true,
  columns: [
    NAME,
    column("Status", "Whether it is ready, and whether new pods may come."),
    column("Roles", "Its roles, from its labels."),
    AGE,
    column("Version", "The version of its agent."),
    wideColumn("Internal-IP", "Its address inside the cluster."),
    wideColumn("External-IP", "Its address outside."),
    wideColumn("OS-Image", "Its operating system."),
    wideColumn("Kernel-Version", "Its kernel."),
    wideColumn("Container-Runtime", "What runs its containers."),
  ],
  row: (object, context) => {
    const info = object.status?.nodeInfo;
    return [
      object.metadata?.name ?? "",
      statusCell(object),
      rolesCell(object),
      ageCell(object, context),
      info?.kubeletVersion ?? "",
      addressCell(object, "InternalIP"),
      addressCell(object, "ExternalIP"),
      info?.osImage || "<unknown>",
      info?.kernelVersion || "<unknown>",
      info?.containerRuntimeVersion || "<unknown>",
    ];
  },
  validate: ({ spec }) =>
    (spec?.taints ?? []).flatMap(({ key, value, effect }, index) => {
      const field = `spec.taints[${index}]`;
      return [
        ...qualifiedNameProblems(key).map((problem) => invalid(`${field}.key`, key, problem)),
        ...labelValueProblems(value ?? "").map((problem) => invalid(`${field}.value`, value, problem)),
        ...oneOf(effect, `${field}.effect`, ["NoExecute", "NoSchedule", "PreferNoSchedule"]),
      ];
    }),
  fields: ({ spec }) => ({ "spec.unschedulable": String(spec?.unschedulable ?? false) }),
});

function statusCell({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function rolesCell({ metadata }: Node): string {
  const roles = Object.entries(metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_LABEL)) return [key.slice(ROLE_LABEL.length)];
    return key === "kubernetes.io/role" ? [value] : [];
  });
  const named = [...new Set(roles)].filter((role) => role !== "").sort();
  return named.join(",") || "<none>";
}

function addressCell({ status }: Node, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";
}
