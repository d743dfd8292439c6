import { isIP } from "node:net";
import { invalid, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Ingress } from "../kinds.ts";
import { oneOf } from "./container.ts";
import { dns1035LabelProblems, dnsSubdomainProblems, portNameProblems, wildcardSubdomainProblems } from "./names.ts";
import { portNumber } from "./numbers.ts";

type IngressSpec = NonNullable<Ingress["spec"]>;
type Backend = NonNullable<IngressSpec["defaultBackend"]>;
type Rule = NonNullable<IngressSpec["rules"]>[number];
type Path = NonNullable<Rule["http"]>["paths"][number];

export function ingressErrors({ spec }: Ingress): FieldError[] {
  if (spec === undefined) return [];
  const errors: FieldError[] = [];
  if ((spec.rules ?? []).length === 0 && spec.defaultBackend === undefined) {
    errors.push(invalid("spec", null, "either `defaultBackend` or `rules` must be specified"));
  }
  if (spec.ingressClassName !== undefined) {
    const name = spec.ingressClassName;
    errors.push(...dnsSubdomainProblems(name).map((problem) => invalid("spec.ingressClassName", name, problem)));
  }
  if (spec.defaultBackend) errors.push(...backendErrors(spec.defaultBackend, "spec.defaultBackend"));
  for (const [index, rule] of (spec.rules ?? []).entries()) errors.push(...ruleErrors(rule, `spec.rules[${index}]`));
  for (const [index, { hosts = [] }] of (spec.tls ?? []).entries()) {
    for (const [at, host] of hosts.entries()) errors.push(...hostErrors(host, `spec.tls[${index}].hosts[${at}]`));
  }
  return errors;
}

function hostErrors(host: string, field: string): FieldError[] {
  const rule = host.includes("*") ? wildcardSubdomainProblems : dnsSubdomainProblems;
  return rule(host).map((problem) => invalid(field, host, problem));
}

function ruleErrors({ host, http }: Rule, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (host) {
    if (isIP(host) !== 0) errors.push(invalid(`${field}.host`, host, "must be a DNS name, not an IP address"));
    else errors.push(...hostErrors(host, `${field}.host`));
  }
  if (http === undefined) return errors;
  if ((http.paths ?? []).length === 0) return [...errors, required(`${field}.http.paths`)];
  return [...errors, ...http.paths.flatMap((path, index) => pathErrors(path, `${field}.http.paths[${index}]`))];
}

function pathErrors({ path = "", pathType, backend }: Path, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!pathType) errors.push(required(`${field}.pathType`, "pathType must be specified"));
  else errors.push(...oneOf(pathType, `${field}.pathType`, ["Exact", "ImplementationSpecific", "Prefix"]));
  if (pathType === "Exact" || pathType === "Prefix" || path !== "") {
    if (!path.startsWith("/")) errors.push(invalid(`${field}.path`, path, "must be an absolute path"));
  }
  if (pathType === "Exact" || pathType === "Prefix") {
    for (const part of ["//", "/./", "/../", "%2f", "%2F"]) {
      if (path.includes(part)) errors.push(invalid(`${field}.path`, path, `must not contain '${part}'`));
    }
    for (const end of ["/..", "/."]) {
      if (path.endsWith(end)) errors.push(invalid(`${field}.path`, path, `cannot end with '${end}'`));
    }
  }
  return [
    ...errors,
    ...(backend === undefined ? [required(`${field}.backend`)] : backendErrors(backend, `${field}.backend`)),
  ];
}

function backendErrors({ service, resource }: Backend, field: string): FieldError[] {
  if (service !== undefined && resource !== undefined) {
    return [invalid(field, "", "cannot set both resource and service backends")];
  }
  if (resource !== undefined) return [];
  if (service === undefined) return [required(field, "resource or service backend is required")];
  const errors: FieldError[] = [];
  if (!service.name) errors.push(required(`${field}.service.name`));
  else {
    const problems = dns1035LabelProblems(service.name);
    errors.push(...problems.map((problem) => invalid(`${field}.service.name`, service.name, problem)));
  }
  const { name, number } = service.port ?? {};
  if (name && number) errors.push(invalid(field, "", "cannot set both port name & port number"));
  else if (name)
    errors.push(...portNameProblems(name).map((problem) => invalid(`${field}.service.port.name`, name, problem)));
  else if (number) errors.push(...portNumber(number, `${field}.service.port.number`));
  else errors.push(required(field, "port name or number is required"));
  return errors;
}
