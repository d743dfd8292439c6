import { AGE, NAME, ageCell, column, wideColumn } from "../columns.ts";
import type { Cell, Column, RowContext } from "../kind.ts";
import type { LabelSelector, ObjectMeta, PodTemplateSpec, ReplicaSet, ReplicationController } from "../kinds.ts";
import type { Labels } from "../label-selector.ts";
import { formatLabelSelector, formatLabels } from "../selector.ts";

/** The wide columns that all workloads share. */
export const templateColumns: readonly Column[] = [
  wideColumn("Containers", "The names of the template's containers."),
  wideColumn("Images", "The images of the template's containers."),
];

export const selectorColumn: Column = wideColumn("Selector", "The labels that select its pods.");

export function templateCells(template: PodTemplateSpec | undefined): [names: string, images: string] {
  const containers = template?.spec?.containers ?? [];
  return [containers.map(({ name }) => name).join(","), containers.map(({ image }) => image ?? "").join(",")];
}

export function selectorCell(selector: LabelSelector | undefined): string {
  return formatLabelSelector(selector) || "<none>";
}

export function labelsCell(labels: Labels | undefined): string {
  return formatLabels(labels) || "<none>";
}

interface Workload {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly template?: PodTemplateSpec };
}

interface WorkloadTable<W> {
  /** Between name and age. */
  readonly columns: readonly Column[];
  readonly cells: (object: W, context: RowContext) => readonly Cell[];
  readonly selector: (object: W) => string;
}

/** The table of a kind that keeps pods: what is its own, then what its template and selector say. */
export function workloadTable<W extends Workload>({ columns, cells, selector }: WorkloadTable<W>) {
  return {
    columns: [NAME, ...columns, AGE, ...templateColumns, selectorColumn],
    row: (object: W, context: RowContext): Cell[] => [
      object.metadata?.name ?? "",
      ...cells(object, context),
      ageCell(object, context),
      ...templateCells(object.spec?.template),
      selector(object),
    ],
  };
}

/** ReplicaSets and ReplicationControllers differ in their selectors only. */
export function replicaTable<W extends ReplicaSet | ReplicationController>(selector: (object: W) => string) {
  return workloadTable<W>({
    columns: [
      column("Desired", "Pods wanted.", "integer"),
      column("Current", "Pods that exist.", "integer"),
      column("Ready", "Pods that are ready.", "integer"),
    ],
    cells: ({ spec, status }) => [spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0],
    selector,
  });
}
