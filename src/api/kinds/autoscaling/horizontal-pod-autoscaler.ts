import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { invalid, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { HorizontalPodAutoscaler } from "../../kinds.ts";
import { listWithMore } from "../shortened-list.ts";
import { kindNotActedOn } from "../unserved-fields.ts";
import { fromV2, toV2 } from "./v1-conversion.ts";

type Metric = NonNullable<NonNullable<HorizontalPodAutoscaler["spec"]>["metrics"]>[number];
type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler["status"]>["currentMetrics"]>[number];

export const horizontalPodAutoscaler = declareKind({
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  namespaced: true,
  versions: [
    { group: "autoscaling", version: "v2", schema: "autoscaling.v2.HorizontalPodAutoscaler" },
    {
      group: "autoscaling",
      version: "v1",
      schema: "autoscaling.v1.HorizontalPodAutoscaler",
      toStorage: toV2,
      fromStorage: fromV2,
    },
  ],
  status: true,
  columns: [
    NAME,
    column("Reference", "What it scales."),
    column("Targets", "What it measures, and what it aims at."),
    column("MinPods", "The fewest pods."),
    column("MaxPods", "The most pods."),
    column("Replicas", "Pods now."),
    AGE,
  ],
  row: (object, context) => {
    const { metadata, spec, status } = object;
    return [
      metadata?.name ?? "",
      `${spec?.scaleTargetRef?.kind ?? ""}/${spec?.scaleTargetRef?.name ?? ""}`,
      targetsCell(object),
      spec?.minReplicas === undefined ? "<unset>" : String(spec.minReplicas),
      String(spec?.maxReplicas ?? 0),
      String(status?.currentReplicas ?? 0),
      ageCell(object, context),
    ];
  },
  applyDefaults: ({ spec }) => {
    if (spec === undefined) return;
    spec.minReplicas ??= 1;
    // Upstream's default is 80 % of the CPU that the pods ask for.
    if ((spec.metrics ?? []).length === 0) {
      spec.metrics = [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ];
    }
  },
  validate: autoscalerErrors,
  warnings: kindNotActedOn("HorizontalPodAutoscaler"),
});

function autoscalerErrors({ spec }: HorizontalPodAutoscaler): FieldError[] {
  if (spec === undefined) return [];
  const { minReplicas, maxReplicas, scaleTargetRef } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
  }
  if (maxReplicas === undefined || maxReplicas < 1) {
    errors.push(invalid("spec.maxReplicas", maxReplicas ?? 0, "must be greater than 0"));
  } else if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
  }
  if (!scaleTargetRef?.kind) errors.push(required("spec.scaleTargetRef.kind"));
  if (!scaleTargetRef?.name) errors.push(required("spec.scaleTargetRef.name"));
  return errors;
}

function targetsCell({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return "<none>";
  const current = status?.currentMetrics ?? [];
  const cells = metrics.map((metric, index) => targetCell(metric, current[index]));
  // Upstream shows two.
  return cells.length > 2 ? `${cells.slice(0, 2).join(", ")} + ${cells.length - 2} more...` : listWithMore(cells, ", ");
}

function targetCell(metric: Metric, status: MetricStatus | undefined): string {
  const resource = metric.resource ?? metric.containerResource;
  if (resource !== undefined) {
    const current = (status?.resource ?? status?.containerResource)?.current;
    const { averageValue, averageUtilization } = resource.target ?? {};
    if (averageValue !== undefined) return `${resource.name}: ${current?.averageValue ?? "<unknown>"}/${averageValue}`;
    const used = current?.averageUtilization;
    const target = averageUtilization === undefined ? "<auto>" : `${averageUtilization}%`;
    return `${resource.name}: ${used === undefined ? "<unknown>" : `${used}%`}/${target}`;
  }
  const source = metric.external ?? metric.object;
  if (source !== undefined) {
    const current = (status?.external ?? status?.object)?.current;
    const { averageValue, value } = source.target ?? {};
    return averageValue === undefined
      ? `${current?.value ?? "<unknown>"}/${value ?? "0"}`
      : `${current?.averageValue ?? "<unknown>"}/${averageValue} (avg)`;
  }
  if (metric.pods === undefined) return "<unknown type>";
  return `${status?.pods?.current?.averageValue ?? "<unknown>"}/${metric.pods.target?.averageValue ?? "0"}`;
}
