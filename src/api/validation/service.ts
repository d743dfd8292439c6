import { isIP } from "node:net";
import { duplicate, forbidden, invalid, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Service, ServicePort } from "../kinds.ts";
import { PROTOCOLS, oneOf } from "./container.ts";
import { labelErrors } from "./metadata.ts";
import { dnsLabelProblems, dnsSubdomainProblems, portNameProblems } from "./names.ts";
import { portNumber } from "./numbers.ts";

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

export function serviceErrors({ spec }: Service): FieldError[] {
  if (spec === undefined) return [];
  const { type, ports = [], clusterIP, externalName, externalIPs = [] } = spec;
  const errors: FieldError[] = [];
  const headless = clusterIP === "None";
  if (ports.length === 0 && !headless && type !== "ExternalName") errors.push(required("spec.ports"));
  errors.push(...portsErrors(ports), ...labelErrors(spec.selector, "spec.selector"));
  errors.push(...oneOf(type, "spec.type", TYPES));
  errors.push(...oneOf(spec.sessionAffinity, "spec.sessionAffinity", ["ClientIP", "None"]));
  if (type === "ExternalName") {
    const name = (externalName ?? "").replace(/\.$/, "");
    if (name === "") errors.push(required("spec.externalName"));
    else
      errors.push(...dnsSubdomainProblems(name).map((problem) => invalid("spec.externalName", externalName, problem)));
    if (clusterIP) errors.push(forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
  } else if (clusterIP && !headless && isIP(clusterIP) === 0) {
    errors.push(
      invalid("spec.clusterIPs[0]", clusterIP, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
    );
  }
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    if (address === "None" || address === "" || isIP(address) !== 0 || (index === 0 && address === clusterIP)) continue;
    errors.push(
      invalid(`spec.clusterIPs[${index}]`, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
    );
  }
  if (headless && (type === "NodePort" || type === "LoadBalancer")) {
    errors.push(invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`));
  }
  for (const [index, address] of externalIPs.entries()) {
    if (isIP(address) !== 0) continue;
    errors.push(
      invalid(`spec.externalIPs[${index}]`, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
    );
  }
  if (spec.externalTrafficPolicy && type !== "NodePort" && type !== "LoadBalancer" && externalIPs.length === 0) {
    errors.push(
      invalid(
        "spec.externalTrafficPolicy",
        spec.externalTrafficPolicy,
        "may only be set for externally-accessible services",
      ),
    );
  }
  errors.push(
    ...oneOf(spec.externalTrafficPolicy, "spec.externalTrafficPolicy", ["Cluster", "Local"]),
    ...oneOf(spec.internalTrafficPolicy, "spec.internalTrafficPolicy", ["Cluster", "Local"]),
  );
  return [...errors, ...nodePortErrors(type, ports)];
}

function portsErrors(ports: readonly ServicePort[]): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const seen = new Set<string>();
  for (const [index, { name, port, protocol, targetPort }] of ports.entries()) {
    const field = `spec.ports[${index}]`;
    if (!name && ports.length > 1) errors.push(required(`${field}.name`));
    else if (name) {
      errors.push(...dnsLabelProblems(name).map((problem) => invalid(`${field}.name`, name, problem)));
      if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
      names.add(name);
    }
    errors.push(...portNumber(port, `${field}.port`), ...oneOf(protocol, `${field}.protocol`, PROTOCOLS));
    if (typeof targetPort === "number") errors.push(...portNumber(targetPort, `${field}.targetPort`));
    else if (targetPort !== undefined) {
      errors.push(
        ...portNameProblems(targetPort).map((problem) => invalid(`${field}.targetPort`, targetPort, problem)),
      );
    }
    const key = `${protocol ?? "TCP"}/${port}`;
    if (seen.has(key)) errors.push(duplicate(field, { port, protocol }));
    seen.add(key);
  }
  return errors;
}

function nodePortErrors(type: string | undefined, ports: readonly ServicePort[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { nodePort, protocol }] of ports.entries()) {
    if (!nodePort) continue;
    const field = `spec.ports[${index}].nodePort`;
    if (type === "ClusterIP" || type === "ExternalName") {
      errors.push(forbidden(field, `may not be used when \`type\` is '${type}'`));
      continue;
    }
    errors.push(...portNumber(nodePort, field));
    const key = `${protocol ?? "TCP"}/${nodePort}`;
    if (seen.has(key)) errors.push(duplicate(field, nodePort));
    seen.add(key);
  }
  return errors;
}

/** A given cluster address stays for as long as the service has one. */
export function serviceUpdateErrors(next: Service, previous: Service): FieldError[] {
  const [after, before] = [next.spec, previous.spec];
  if (before?.type === "ExternalName" || after?.type === "ExternalName" || !before?.clusterIP) return [];
  if (after?.clusterIP === before.clusterIP) return [];
  return [invalid("spec.clusterIPs[0]", after?.clusterIPs ?? [], "may not change once set")];
}
