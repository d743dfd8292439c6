import type { Container, EnvVar, Pod } from "../../api/kinds.ts";
import type { Objects } from "../../api/objects.ts";
import { configError } from "../pod/pod-error.ts";
import { expand } from "./expand.ts";
import { fieldValue, resourceValue, type Placement } from "./field-value.ts";
import { serviceLinks } from "./service-links.ts";

type Reads = Pick<Objects, "get" | "list">;
type Values = Record<string, string>;

/** The container's own environment: service links, then `envFrom`, then `env`, the later over the earlier. */
export function environment(
  deps: { readonly objects: Reads; readonly placement: Placement },
  pod: Pod,
  container: Container,
): Values {
  const namespace = pod.metadata?.namespace ?? "default";
  const values: Values = { ...links(deps.objects, pod, namespace), ...fromSources(deps.objects, container, namespace) };
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, { ...deps, pod, container, namespace, values });
    if (value !== undefined) values[variable.name] = value;
  }
  return values;
}

function links(objects: Reads, pod: Pod, namespace: string): Values {
  const own = pod.spec?.enableServiceLinks === false ? [] : objects.list("Service", namespace);
  const api = objects.get("Service", { namespace: "default", name: "kubernetes" });
  return serviceLinks(api ? [api, ...own] : own);
}

function fromSources(objects: Reads, container: Container, namespace: string): Values {
  const values: Values = {};
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const data = configMapRef
      ? configMapData(objects, { ...configMapRef, namespace })
      : secretRef
        ? secretData(objects, { ...secretRef, namespace })
        : undefined;
    for (const [key, value] of Object.entries(data ?? {})) values[`${prefix}${key}`] = value;
  }
  return values;
}

interface SourceRef {
  readonly namespace: string;
  readonly name?: string | undefined;
  readonly optional?: boolean | undefined;
}

function configMapData(objects: Reads, { namespace, name = "", optional }: SourceRef): Values | undefined {
  const found = objects.get("ConfigMap", { namespace, name });
  if (found || optional) return found?.data ?? {};
  throw configError(`configmap "${name}" not found`);
}

function secretData(objects: Reads, { namespace, name = "", optional }: SourceRef): Values | undefined {
  const found = objects.get("Secret", { namespace, name });
  if (!found && !optional) throw configError(`secret "${name}" not found`);
  return Object.fromEntries(
    Object.entries(found?.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, "base64").toString("utf8")]),
  );
}

interface ValueContext {
  readonly objects: Reads;
  readonly placement: Placement;
  readonly pod: Pod;
  readonly container: Container;
  readonly namespace: string;
  readonly values: Values;
}

/** Undefined for an optional source that is not there. */
function valueOf(variable: EnvVar, context: ValueContext): string | undefined {
  const { objects, placement, pod, container, namespace, values } = context;
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? "", values);
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, pod, placement);
  if (from.resourceFieldRef) {
    const { resource, divisor, containerName } = from.resourceFieldRef;
    const target = containerName === undefined ? container : containerNamed(pod, containerName);
    return resourceValue({ resource, divisor }, target, placement);
  }
  if (from.configMapKeyRef) {
    const { key, name = "", optional } = from.configMapKeyRef;
    const value = configMapData(objects, { namespace, name, optional })?.[key];
    if (value === undefined && !optional)
      throw configError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from.secretKeyRef) {
    const { key, name = "", optional } = from.secretKeyRef;
    const value = secretData(objects, { namespace, name, optional })?.[key];
    if (value === undefined && !optional) throw configError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value;
  }
  throw configError(`environment variable ${variable.name} has a source that is not supported`);
}

export function containerNamed(pod: Pod, name: string): Container {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (!found) throw configError(`container ${name} not found`);
  return found;
}
