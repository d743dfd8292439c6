import { isIP } from "node:net";
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Container, EnvVar, Probe } from "../kinds.ts";
import { compareQuantities } from "../quantity.ts";
import { dnsLabelProblems, envNameProblems, portNameProblems } from "./names.ts";
import { nonNegative, portNumber, positive } from "./numbers.ts";
import { containerSecurityErrors } from "./security-context.ts";
import { mountErrors } from "./volumes.ts";

export const PROTOCOLS = ["SCTP", "TCP", "UDP"];

/** What containers of all sorts (init and main) must be. `volumes` are the names that mounts may use. */
export function containerErrors(container: Container, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const { name, image, imagePullPolicy, terminationMessagePolicy } = container;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.name`));
  else errors.push(...dnsLabelProblems(name).map((problem) => invalid(`${field}.name`, name, problem)));
  if (!image) errors.push(required(`${field}.image`));
  else if (image !== image.trim()) {
    errors.push(invalid(`${field}.image`, image, "must not have leading or trailing whitespace"));
  } else if (/[\s\p{Cc}]/u.test(image)) {
    errors.push(invalid(`${field}.image`, image, "must not contain white space or control characters"));
  }
  errors.push(...oneOf(imagePullPolicy, `${field}.imagePullPolicy`, ["Always", "IfNotPresent", "Never"]));
  errors.push(
    ...oneOf(terminationMessagePolicy, `${field}.terminationMessagePolicy`, ["FallbackToLogsOnError", "File"]),
    ...portErrors(container, `${field}.ports`),
    ...(container.env ?? []).flatMap((env, index) => envErrors(env, `${field}.env[${index}]`)),
    ...(container.envFrom ?? []).flatMap((source, index) => envFromErrors(source, `${field}.envFrom[${index}]`)),
    ...mountErrors(container, field, volumes),
    ...resourceErrors(container, `${field}.resources`),
    ...probeErrors(container.livenessProbe, `${field}.livenessProbe`, true),
    ...probeErrors(container.readinessProbe, `${field}.readinessProbe`, false),
    ...probeErrors(container.startupProbe, `${field}.startupProbe`, true),
    ...lifecycleErrors(container, `${field}.lifecycle`),
    ...containerSecurityErrors(container, `${field}.securityContext`),
    ...noNul(container.workingDir, `${field}.workingDir`),
    ...wordErrors(container.command, `${field}.command`),
    ...wordErrors(container.args, `${field}.args`),
  );
  return errors;
}

/** The kernel ends a word of a command, a variable and a path there: what follows would silently be lost. */
function noNul(text: string | undefined, field: string): FieldError[] {
  return text?.includes("\0") ? [invalid(field, text, "must not contain the character NUL")] : [];
}

function wordErrors(words: readonly string[] | undefined, field: string): FieldError[] {
  return (words ?? []).flatMap((word, index) => noNul(word, `${field}[${index}]`));
}

/** An enum: nothing is left to defaulting, which ran before. */
export function oneOf(value: string | undefined, field: string, supported: readonly string[]): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

function portErrors({ ports = [] }: Container, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, { name, containerPort, hostPort, hostIP, protocol }] of ports.entries()) {
    const path = `${field}[${index}]`;
    if (name) {
      const problems = portNameProblems(name);
      errors.push(...problems.map((problem) => invalid(`${path}.name`, name, problem)));
      if (problems.length === 0 && names.has(name)) errors.push(duplicate(`${path}.name`, name));
      names.add(name);
    }
    if (!containerPort) errors.push(required(`${path}.containerPort`));
    else errors.push(...portNumber(containerPort, `${path}.containerPort`));
    if (hostPort) errors.push(...portNumber(hostPort, `${path}.hostPort`));
    errors.push(...oneOf(protocol, `${path}.protocol`, PROTOCOLS));
    if (hostIP && isIP(hostIP) === 0) {
      const rule = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
      errors.push(invalid(`${path}.hostIP`, hostIP, rule));
    }
  }
  return errors;
}

function envErrors({ name, value, valueFrom }: EnvVar, field: string): FieldError[] {
  const errors: FieldError[] = name ? [] : [required(`${field}.name`)];
  if (name) errors.push(...envNameProblems(name).map((problem) => invalid(`${field}.name`, name, problem)));
  errors.push(...noNul(value, `${field}.value`));
  if (valueFrom === undefined) return errors;
  const path = `${field}.valueFrom`;
  const sources = Object.values(valueFrom).filter((source) => source !== undefined);
  if (sources.length === 0) {
    errors.push(
      invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"),
    );
  } else if (value) errors.push(invalid(path, "", "may not be specified when `value` is not empty"));
  else if (sources.length > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
  if (valueFrom.fieldRef && !valueFrom.fieldRef.fieldPath) errors.push(required(`${path}.fieldRef.fieldPath`));
  for (const key of ["configMapKeyRef", "secretKeyRef"] as const) {
    const reference = valueFrom[key];
    if (reference && !reference.name) errors.push(required(`${path}.${key}.name`));
    if (reference && !reference.key) errors.push(required(`${path}.${key}.key`));
  }
  return errors;
}

function envFromErrors(source: NonNullable<Container["envFrom"]>[number], field: string): FieldError[] {
  const { prefix, configMapRef, secretRef } = source;
  const errors = prefix ? envNameProblems(prefix).map((problem) => invalid(`${field}.prefix`, prefix, problem)) : [];
  if (configMapRef && secretRef) {
    errors.push(invalid(field, "", "may not have more than one field specified at a time"));
  } else if (configMapRef === undefined && secretRef === undefined) {
    errors.push(invalid(field, "", "must specify one of: `configMapRef` or `secretRef`"));
  }
  if (configMapRef && !configMapRef.name) errors.push(required(`${field}.configMapRef.name`));
  if (secretRef && !secretRef.name) errors.push(required(`${field}.secretRef.name`));
  return errors;
}

function resourceErrors({ resources }: Container, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources ?? {};
  for (const [part, amounts] of Object.entries({ limits, requests })) {
    for (const [name, amount] of Object.entries(amounts)) {
      if (compareQuantities(amount, "0") < 0) {
        errors.push(invalid(`${field}.${part}.${name}`, amount, "must be greater than or equal to 0"));
      }
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && compareQuantities(request, limit) > 0) {
      errors.push(invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
  return errors;
}

function probeErrors(probe: Probe | undefined, field: string, once: boolean): FieldError[] {
  if (probe === undefined) return [];
  const { successThreshold, terminationGracePeriodSeconds } = probe;
  const errors = [
    ...handlerErrors(probe, field),
    ...nonNegative(probe.initialDelaySeconds, `${field}.initialDelaySeconds`),
    ...nonNegative(probe.timeoutSeconds, `${field}.timeoutSeconds`),
    ...nonNegative(probe.periodSeconds, `${field}.periodSeconds`),
    ...nonNegative(successThreshold, `${field}.successThreshold`),
    ...nonNegative(probe.failureThreshold, `${field}.failureThreshold`),
    ...positive(terminationGracePeriodSeconds, `${field}.terminationGracePeriodSeconds`),
  ];
  if (once && successThreshold !== undefined && successThreshold !== 1) {
    errors.push(invalid(`${field}.successThreshold`, successThreshold, "must be 1"));
  }
  return errors;
}

function lifecycleErrors({ lifecycle }: Container, field: string): FieldError[] {
  const { postStart, preStop } = lifecycle ?? {};
  return [
    ...(postStart ? handlerErrors(postStart, `${field}.postStart`) : []),
    ...(preStop ? handlerErrors(preStop, `${field}.preStop`) : []),
  ];
}

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & { readonly sleep?: { seconds: number } };

function handlerErrors(handler: Handler, field: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc } = handler;
  const errors: FieldError[] = [];
  const kinds = (["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const).filter((kind) => handler[kind]);
  if (kinds.length === 0) errors.push(required(field, "must specify a handler type"));
  for (const kind of kinds.slice(1))
    errors.push(forbidden(`${field}.${kind}`, "may not specify more than 1 handler type"));
  if (exec && (exec.command ?? []).length === 0) errors.push(required(`${field}.exec.command`));
  errors.push(...wordErrors(exec?.command, `${field}.exec.command`));
  if (httpGet) {
    errors.push(
      ...handlerPort(httpGet.port, `${field}.httpGet.port`),
      ...oneOf(httpGet.scheme, `${field}.httpGet.scheme`, ["HTTP", "HTTPS"]),
    );
  }
  if (tcpSocket) errors.push(...handlerPort(tcpSocket.port, `${field}.tcpSocket.port`));
  if (grpc) errors.push(...portNumber(grpc.port, `${field}.grpc.port`));
  return errors;
}

function handlerPort(port: number | string | undefined, field: string): FieldError[] {
  if (typeof port !== "string") return portNumber(port, field);
  return portNameProblems(port).map((problem) => invalid(field, port, problem));
}
