import { isIP } from "node:net";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid, notSupported, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { NetworkPolicy } from "../../kinds.ts";
import { PROTOCOLS, oneOf } from "../../validation/container.ts";
import { labelSelectorErrors } from "../../validation/label-selector.ts";
import { portNumber } from "../../validation/numbers.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { selectorCell } from "../workload-columns.ts";

type Egress = NonNullable<NonNullable<NetworkPolicy["spec"]>["egress"]>[number];

export const networkPolicy = declareKind({
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  namespaced: true,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.NetworkPolicy" }],
  generation: true,
  columns: [NAME, column("Pod-Selector", "The pods that it is about."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    selectorCell(object.spec?.podSelector),
    ageCell(object, context),
  ],
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ||= "TCP";
    }
    if ((spec.policyTypes ?? []).length === 0) {
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
    }
  },
  validate: networkPolicyErrors,
  warnings: kindNotActedOn("NetworkPolicy"),
});

function networkPolicyErrors({ spec }: NetworkPolicy): FieldError[] {
  if (spec === undefined) return [];
  const errors = labelSelectorErrors(spec.podSelector, "spec.podSelector");
  for (const [index, { ports, from }] of (spec.ingress ?? []).entries()) {
    errors.push(
      ...portErrors(ports, `spec.ingress[${index}].ports`),
      ...peerErrors(from, `spec.ingress[${index}].from`),
    );
  }
  for (const [index, { ports, to }] of (spec.egress ?? []).entries()) {
    errors.push(...portErrors(ports, `spec.egress[${index}].ports`), ...peerErrors(to, `spec.egress[${index}].to`));
  }
  for (const [index, type] of (spec.policyTypes ?? []).entries()) {
    if (type !== "Ingress" && type !== "Egress") {
      errors.push(notSupported(`spec.policyTypes[${index}]`, type, ["Egress", "Ingress"]));
    }
  }
  return errors;
}

function portErrors(ports: Egress["ports"], field: string): FieldError[] {
  return (ports ?? []).flatMap(({ protocol, port, endPort }, index) => {
    const errors = oneOf(protocol, `${field}[${index}].protocol`, PROTOCOLS);
    if (typeof port === "number") errors.push(...portNumber(port, `${field}[${index}].port`));
    if (endPort !== undefined && (typeof port !== "number" || endPort < port)) {
      errors.push(invalid(`${field}[${index}].endPort`, endPort, "must be greater than or equal to `port`"));
    }
    return errors;
  });
}

function peerErrors(peers: Egress["to"], field: string): FieldError[] {
  return (peers ?? []).flatMap(({ podSelector, namespaceSelector, ipBlock }, index) => {
    const place = `${field}[${index}]`;
    const errors = [
      ...labelSelectorErrors(podSelector, `${place}.podSelector`),
      ...labelSelectorErrors(namespaceSelector, `${place}.namespaceSelector`),
    ];
    if (ipBlock === undefined && podSelector === undefined && namespaceSelector === undefined) {
      errors.push(required(place, "must specify a peer"));
    }
    for (const cidr of ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]) {
      if (!isCidr(cidr))
        errors.push(
          invalid(`${place}.ipBlock.cidr`, cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        );
    }
    return errors;
  });
}

function isCidr(text = ""): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || bits === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}
