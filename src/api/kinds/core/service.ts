import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { Service } from "../../kinds.ts";
import { dns1035LabelProblems } from "../../validation/names.ts";
import { serviceErrors, serviceUpdateErrors } from "../../validation/service.ts";
import { notActedOn } from "../unserved-fields.ts";
import { labelsCell } from "../workload-columns.ts";

export const service = declareKind({
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Service" }],
  status: true,
  validateName: dns1035LabelProblems,
  columns: [
    NAME,
    column("Type", "How it is reached."),
    column("Cluster-IP", "Its address inside the cluster."),
    column("External-IP", "Its addresses outside."),
    column("Port(s)", "Its ports, with the node's port behind a colon."),
    AGE,
    wideColumn("Selector", "The labels that select its pods."),
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.spec?.type ?? "",
    object.spec?.clusterIPs?.[0] ?? (object.spec?.clusterIP || "<none>"),
    externalCell(object),
    portsCell(object),
    ageCell(object, context),
    labelsCell(object.spec?.selector),
  ],
  applyDefaults: applyServiceDefaults,
  prepareCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  prepareUpdate: keepAddresses,
  validate: serviceErrors,
  validateUpdate: serviceUpdateErrors,
  warnings: ({ spec }) => {
    const warnings: string[] = [];
    if (spec?.type === "LoadBalancer")
      warnings.push("spec.type: LoadBalancer is served as NodePort; no balancer is made");
    if ((spec?.externalIPs ?? []).length > 0) warnings.push(notActedOn("spec.externalIPs"));
    return warnings;
  },
  fields: ({ spec }) => ({ "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" }),
});

function applyServiceDefaults({ spec }: Service): void {
  if (spec === undefined) return;
  spec.type ||= "ClusterIP";
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "ClientIP") {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    if (port.targetPort === undefined || port.targetPort === "" || port.targetPort === 0) port.targetPort = port.port;
  }
  if (spec.clusterIP && spec.clusterIPs === undefined) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.[0] !== undefined) spec.clusterIP = spec.clusterIPs[0];
  if (spec.type === "ExternalName") return;
  spec.internalTrafficPolicy ||= "Cluster";
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ||= "SingleStack";
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
}

/** Addresses and node ports that were given stay when an update leaves them out, as upstream's strategy has it. */
function keepAddresses(next: Service, previous: Service): void {
  if (next.spec === undefined || previous.spec === undefined) return;
  if (next.spec.type !== "ExternalName" && previous.spec.type !== "ExternalName") {
    if (!next.spec.clusterIP && previous.spec.clusterIP) {
      next.spec.clusterIP = previous.spec.clusterIP;
      next.spec.clusterIPs = previous.spec.clusterIPs ?? [previous.spec.clusterIP];
    }
  }
  if (next.spec.type !== "NodePort" && next.spec.type !== "LoadBalancer") return;
  const taken = new Set((next.spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of next.spec.ports ?? []) {
    const before = previous.spec.ports?.find(
      (old) => old.port === port.port && (old.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (!port.nodePort && before?.nodePort && !taken.has(before.nodePort)) port.nodePort = before.nodePort;
  }
}

function externalCell({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type ?? "") {
    case "ClusterIP":
    case "NodePort":
      return external.join(",") || "<none>";
    case "LoadBalancer": {
      const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
      return [...given.filter((address) => address !== "").sort(), ...external].join(",") || "<pending>";
    }
    case "ExternalName":
      return spec?.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portsCell({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol ?? "TCP"}` : `${port}/${protocol ?? "TCP"}`,
  );
  return ports.join(",") || "<none>";
}
