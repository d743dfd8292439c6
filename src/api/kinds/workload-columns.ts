import { wideColumn } from "../columns.ts";
import type { Column } from "../kind.ts";
import type { LabelSelector, PodTemplateSpec } from "../kinds.ts";
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
