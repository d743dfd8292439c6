import { isIP } from "node:net";
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { PodSpec, PodTemplateSpec } from "../kinds.ts";
import { affinityErrors } from "./affinity.ts";
import { containerErrors, oneOf } from "./container.ts";
import { annotationErrors, labelErrors } from "./metadata.ts";
import { dnsLabelProblems, dnsSubdomainProblems, qualifiedNameProblems } from "./names.ts";
import { nonNegative } from "./numbers.ts";
import { podSecurityErrors } from "./security-context.ts";
import { volumeErrors } from "./volumes.ts";

const MAX_INT32 = 2 ** 31 - 1;

/** The spec of a Pod or of a template, after defaulting. */
export function podSpecErrors(spec: PodSpec, field: string): FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  return [
    ...volumeErrors(spec.volumes ?? [], `${field}.volumes`),
    ...allContainerErrors(spec, field, volumes),
    ...oneOf(spec.restartPolicy, `${field}.restartPolicy`, ["Always", "OnFailure", "Never"]),
    ...oneOf(spec.dnsPolicy, `${field}.dnsPolicy`, ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ...dnsConfigErrors(spec, field),
    ...labelErrors(spec.nodeSelector, `${field}.nodeSelector`),
    ...nameErrors(spec, field),
    ...nonNegative(spec.terminationGracePeriodSeconds, `${field}.terminationGracePeriodSeconds`),
    ...deadlineErrors(spec, field),
    ...affinityErrors(spec.affinity, `${field}.affinity`),
    ...hostAliasErrors(spec, `${field}.hostAliases`),
    ...tolerationErrors(spec, `${field}.tolerations`),
    ...spreadErrors(spec, `${field}.topologySpreadConstraints`),
    ...hostNetworkErrors(spec, field),
    ...podSecurityErrors(spec, `${field}.securityContext`),
  ];
}

export interface TemplateRules {
  readonly field: string;
  /** The restart policies that the owner allows. */
  readonly restartPolicies: readonly string[];
}

export function podTemplateErrors(template: PodTemplateSpec | undefined, rules: TemplateRules): FieldError[] {
  const { field, restartPolicies } = rules;
  const errors = [
    ...labelErrors(template?.metadata?.labels, `${field}.metadata.labels`),
    ...annotationErrors(template?.metadata?.annotations, `${field}.metadata.annotations`),
  ];
  const spec = template?.spec;
  if (spec === undefined) return [...errors, required(`${field}.spec.containers`)];
  errors.push(...podSpecErrors(spec, `${field}.spec`));
  const policy = spec.restartPolicy;
  const known = ["Always", "OnFailure", "Never"].includes(policy ?? "");
  if (policy !== undefined && known && !restartPolicies.includes(policy)) {
    errors.push(notSupported(`${field}.spec.restartPolicy`, policy, restartPolicies));
  }
  if (spec.activeDeadlineSeconds !== undefined && restartPolicies.includes("Always")) {
    errors.push(
      forbidden(`${field}.spec.activeDeadlineSeconds`, "activeDeadlineSeconds in ReplicaSet is not Supported"),
    );
  }
  return errors;
}

function allContainerErrors(spec: PodSpec, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const main = spec.containers ?? [];
  if (main.length === 0) errors.push(required(`${field}.containers`));
  for (const [index, container] of main.entries()) {
    const path = `${field}.containers[${index}]`;
    errors.push(...containerErrors(container, path, volumes));
    if (container.name && names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name));
    names.add(container.name);
    if (container.restartPolicy) {
      errors.push(forbidden(`${path}.restartPolicy`, "may not be set for non-init containers"));
    }
  }
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `${field}.initContainers[${index}]`;
    errors.push(...containerErrors(container, path, volumes));
    if (container.name && names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name));
    names.add(container.name);
    if (container.restartPolicy === "Always") continue;
    errors.push(...oneOf(container.restartPolicy, `${path}.restartPolicy`, ["Always"]));
    for (const part of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[part] === undefined) continue;
      errors.push(forbidden(`${path}.${part}`, "may not be set for init containers without restartPolicy=Always"));
    }
  }
  return [...errors, ...hostPortErrors(spec, field)];
}

/** Two containers of a pod cannot hold one port of the host. */
function hostPortErrors(spec: PodSpec, field: string): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, { ports = [] }] of (spec.containers ?? []).entries()) {
    for (const [at, { hostPort, hostIP, protocol }] of ports.entries()) {
      if (!hostPort) continue;
      const key = `${protocol ?? "TCP"}/${hostIP ?? ""}/${hostPort}`;
      if (seen.has(key)) errors.push(duplicate(`${field}.containers[${index}].ports[${at}].hostPort`, key));
      seen.add(key);
    }
  }
  return errors;
}

function hostNetworkErrors(spec: PodSpec, field: string): FieldError[] {
  if (spec.hostNetwork !== true) return [];
  return (spec.containers ?? []).flatMap(({ ports = [] }, index) =>
    ports.flatMap(({ hostPort, containerPort }, at) =>
      hostPort !== undefined && hostPort !== containerPort
        ? [
            invalid(
              `${field}.containers[${index}].ports[${at}].containerPort`,
              containerPort,
              "must match `hostPort` when `hostNetwork` is true",
            ),
          ]
        : [],
    ),
  );
}

function dnsConfigErrors({ dnsPolicy, dnsConfig }: PodSpec, field: string): FieldError[] {
  const servers = dnsConfig?.nameservers ?? [];
  if (dnsPolicy === "None" && dnsConfig === undefined) {
    return [required(`${field}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None")];
  }
  if (dnsPolicy === "None" && servers.length === 0) {
    return [
      required(`${field}.dnsConfig.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"),
    ];
  }
  if (servers.length > 3) {
    return [invalid(`${field}.dnsConfig.nameservers`, servers, "must not have more than 3 nameservers")];
  }
  // All of it becomes lines of a file.
  const addresses = servers.flatMap((server, index) =>
    isIP(server) === 0
      ? [
          invalid(
            `${field}.dnsConfig.nameservers[${index}]`,
            server,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
          ),
        ]
      : [],
  );
  const searches = (dnsConfig?.searches ?? []).flatMap((search, index) =>
    search === "."
      ? []
      : dnsSubdomainProblems(search.replace(/\.$/, "").replaceAll("_", "-")).map((problem) =>
          invalid(`${field}.dnsConfig.searches[${index}]`, search, problem),
        ),
  );
  const options = (dnsConfig?.options ?? []).flatMap(({ name, value }, index) => {
    const place = `${field}.dnsConfig.options[${index}]`;
    if (!name) return [required(`${place}.name`, "must not be empty")];
    return /\s/.test(`${name}${value ?? ""}`) ? [invalid(place, name, "must not contain white space")] : [];
  });
  return [...addresses, ...searches, ...options];
}

function nameErrors(spec: PodSpec, field: string): FieldError[] {
  const check = (key: "hostname" | "subdomain" | "serviceAccountName" | "nodeName" | "priorityClassName") => {
    const value = spec[key];
    if (!value) return [];
    const rule = key === "hostname" || key === "subdomain" ? dnsLabelProblems : dnsSubdomainProblems;
    return rule(value).map((problem) => invalid(`${field}.${key}`, value, problem));
  };
  return [
    ...check("hostname"),
    ...check("subdomain"),
    ...check("serviceAccountName"),
    ...check("nodeName"),
    ...check("priorityClassName"),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, index) =>
      name ? [] : [required(`${field}.imagePullSecrets[${index}].name`)],
    ),
  ];
}

function hostAliasErrors({ hostAliases = [] }: PodSpec, field: string): FieldError[] {
  return hostAliases.flatMap(({ ip, hostnames }, index) => [
    ...(isIP(ip ?? "") === 0
      ? [invalid(`${field}[${index}].ip`, ip ?? "", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
      : []),
    ...(hostnames ?? []).flatMap((name) =>
      dnsSubdomainProblems(name).map((problem) => invalid(`${field}[${index}].hostnames`, name, problem)),
    ),
  ]);
}

function deadlineErrors({ activeDeadlineSeconds: seconds }: PodSpec, field: string): FieldError[] {
  return seconds !== undefined && (seconds < 1 || seconds > MAX_INT32)
    ? [invalid(`${field}.activeDeadlineSeconds`, seconds, `must be between 1 and ${MAX_INT32}, inclusive`)]
    : [];
}

function tolerationErrors({ tolerations = [] }: PodSpec, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { key, operator, value, effect, tolerationSeconds }] of tolerations.entries()) {
    const path = `${field}[${index}]`;
    if (key) errors.push(...qualifiedNameProblems(key).map((problem) => invalid(`${path}.key`, key, problem)));
    else if (operator !== "Exists") {
      errors.push(
        invalid(
          `${path}.operator`,
          operator ?? "",
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.push(
        invalid(`${path}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set"),
      );
    }
    if (operator === "Exists" && value) {
      errors.push(invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    }
    errors.push(
      ...oneOf(operator, `${path}.operator`, ["Equal", "Exists"]),
      ...oneOf(effect || undefined, `${path}.effect`, ["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    );
  }
  return errors;
}

function spreadErrors({ topologySpreadConstraints = [] }: PodSpec, field: string): FieldError[] {
  return topologySpreadConstraints.flatMap(({ maxSkew, topologyKey, whenUnsatisfiable }, index) => [
    ...(maxSkew > 0 ? [] : [invalid(`${field}[${index}].maxSkew`, maxSkew, "must be greater than zero")]),
    ...(topologyKey ? [] : [required(`${field}[${index}].topologyKey`, "can not be empty")]),
    ...oneOf(whenUnsatisfiable, `${field}[${index}].whenUnsatisfiable`, ["DoNotSchedule", "ScheduleAnyway"]),
  ]);
}
