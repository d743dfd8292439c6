import type { KubeObject } from "../../kinds.ts";

/** Where v1 keeps what only v2 has (upstream's `autoscaling.MetricSpecsAnnotation` and its siblings). */
const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";

interface Metric {
  readonly type?: string;
  readonly resource?: {
    readonly name?: string;
    readonly target?: { readonly type?: string; readonly averageUtilization?: number };
    readonly current?: { readonly averageUtilization?: number };
  };
}

type Fields = Record<string, unknown>;

/** autoscaling/v1 to v2: the CPU percentage becomes a metric, annotations give back what v1 could not say. */
export function toV2(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = fieldsOf(object["spec"]);
  const { currentCPUUtilizationPercentage: current, ...status } = fieldsOf(object["status"]);
  const { [METRICS]: metricsText, [BEHAVIOR]: behaviorText, ...annotations } = object.metadata.annotations ?? {};
  const metrics = listOf(metricsText);
  if (percent !== undefined) {
    metrics.unshift({
      type: "Resource",
      resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percent } },
    });
  }
  const behavior = parsed(behaviorText);
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior === undefined ? {} : { behavior }) },
    ...(object["status"] === undefined
      ? {}
      : { status: current === undefined ? status : { ...status, currentMetrics: [cpuStatus(current)] } }),
  };
}

/** autoscaling/v2 to v1: the first CPU utilization becomes the percentage, everything else goes into annotations. */
export function fromV2(object: KubeObject): KubeObject {
  const { metrics: all, behavior, ...spec } = fieldsOf(object["spec"]);
  const { currentMetrics, conditions: _conditions, ...status } = fieldsOf(object["status"]);
  const metrics = (all as Metric[] | undefined) ?? [];
  const cpu = metrics.find(isCpuUtilization);
  const others = metrics.filter((metric) => metric !== cpu);
  const percent = cpu?.resource?.target?.averageUtilization;
  const used = ((currentMetrics as Metric[] | undefined) ?? []).find(({ resource }) => resource?.name === "cpu");
  const current = used?.resource?.current?.averageUtilization;
  const annotations = {
    ...object.metadata.annotations,
    ...(others.length > 0 ? { [METRICS]: JSON.stringify(others) } : {}),
    ...(behavior === undefined ? {} : { [BEHAVIOR]: JSON.stringify(behavior) }),
  };
  return {
    ...object,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...(percent === undefined ? {} : { targetCPUUtilizationPercentage: percent }) },
    ...(object["status"] === undefined
      ? {}
      : {
          status: {
            currentReplicas: 0,
            desiredReplicas: 0,
            ...status,
            ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
          },
        }),
  };
}

function isCpuUtilization({ type, resource }: Metric): boolean {
  return type === "Resource" && resource?.name === "cpu" && resource.target?.averageUtilization !== undefined;
}

function cpuStatus(averageUtilization: unknown): object {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization } } };
}

function withAnnotations(object: KubeObject, annotations: Record<string, string>): KubeObject["metadata"] {
  const { annotations: _before, ...rest } = object.metadata;
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
}

function fieldsOf(value: unknown): Fields {
  return (value as Fields | undefined) ?? {};
}

function listOf(text: string | undefined): unknown[] {
  const value = parsed(text);
  return Array.isArray(value) ? [...(value as unknown[])] : [];
}

/** Undefined for text that is no JSON: an annotation is the user's to spoil, and upstream ignores a spoilt one too. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
