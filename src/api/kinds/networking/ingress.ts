import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { Ingress } from "../../kinds.ts";
import { ingressErrors } from "../../validation/ingress.ts";

export const ingress = declareKind({
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  namespaced: true,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.Ingress" }],
  status: true,
  generation: true,
  columns: [
    NAME,
    column("Class", "The class that serves it."),
    column("Hosts", "The hosts that it is for."),
    column("Address", "Where it is reached."),
    column("Ports", "The ports on which it is reached."),
    AGE,
  ],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.spec?.ingressClassName ?? "<none>",
    hostsCell(object),
    addressCell(object),
    (object.spec?.tls ?? []).length > 0 ? "80, 443" : "80",
    ageCell(object, context),
  ],
  prepareCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  validate: ingressErrors,
  warnings: ({ metadata }) =>
    metadata?.annotations?.["kubernetes.io/ingress.class"] === undefined
      ? []
      : ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"],
});

function hostsCell({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const hosts: string[] = [];
  for (const { host } of rules) {
    if (hosts.length === 3) return `${hosts.join(",")} + ${rules.length - 3} more...`;
    if (host) hosts.push(host);
  }
  return hosts.join(",") || "*";
}

function addressCell({ status }: Ingress): string {
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  return [...new Set(addresses.filter((address) => address !== ""))].sort().join(",");
}
