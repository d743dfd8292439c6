import type { LabelSelector, ObjectMeta } from "../../api/kinds.ts";
import { formatLabelSelector, formatLabels } from "../../api/selector.ts";
import { alignTabs } from "../output/align-tabs.ts";
import { visible } from "../output/visible.ts";

/** Lines of a description in kubectl's layout, a tab behind each cell. */
export type Lines = readonly string[];

type TextMap = Readonly<Record<string, string>>;

/** Longer annotations stand below their keys, and are cut (kubectl `maxAnnotationLen`). */
const MAX_ANNOTATION = 140;
/** What apply keeps for itself. */
const HIDDEN_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

export function printDescription(lines: Lines): string {
  return visible(alignTabs(lines.map((line) => `${line}\n`).join("")));
}

export function indented(lines: Lines, by: string): string[] {
  return lines.map((line) => by + line);
}

/** A line only where there is something to say. */
export function optional(title: string, value: string | number | undefined): string[] {
  return value === undefined || value === "" ? [] : [`${title}:\t${value}`];
}

export function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

/** Several values of one title, the further ones below the first. */
export function below(title: string, values: readonly string[]): string[] {
  if (values.length === 0) return [`${title}:\t<none>`];
  return values.map((value, at) => (at === 0 ? `${title}:\t${value}` : `\t${value}`));
}

function sorted(map: TextMap | undefined): [string, string][] {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

export function labelLines(title: string, labels: TextMap | undefined): string[] {
  return below(
    title,
    sorted(labels).map(([key, value]) => `${key}=${value}`),
  );
}

export function annotationLines(annotations: TextMap | undefined): string[] {
  const shown = sorted(annotations).filter(([key]) => key !== HIDDEN_ANNOTATION);
  return below("Annotations", shown.map(annotationText));
}

function annotationText([key, whole]: [string, string]): string {
  const value = whole.replace(/\n$/, "");
  if (value.length + key.length + 2 <= MAX_ANNOTATION && !value.includes("\n")) return `${key}: ${value}`;
  const cut = (line: string): string =>
    line.length > MAX_ANNOTATION - 2 ? `${line.slice(0, MAX_ANNOTATION - 2)}...` : line;
  return [`${key}:`, ...value.split("\n").map((line) => `\t  ${cut(line)}`)].join("\n");
}

/** Name, namespace, labels and annotations, as most kinds begin. */
export function headLines(metadata: ObjectMeta | undefined): string[] {
  return [...nameLines(metadata), ...labelLines("Labels", metadata?.labels), ...annotationLines(metadata?.annotations)];
}

export function nameLines(metadata: ObjectMeta | undefined): string[] {
  return [`Name:\t${metadata?.name ?? ""}`, ...optional("Namespace", metadata?.namespace)];
}

export function controllerLine(metadata: ObjectMeta | undefined): string[] {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined ? [] : [`Controlled By:\t${owner.kind}/${owner.name}`];
}

export function selectorText(selector: LabelSelector | undefined): string {
  return orNone(formatLabelSelector(selector));
}

export function labelsText(labels: TextMap | undefined): string {
  return orNone(formatLabels(labels));
}

/** `Sun, 22 Nov 2026 01:49:10 +0000` (Go's RFC1123Z), in this machine's time zone as kubectl does. */
export function timeText(time: string | undefined): string {
  const at = new Date(time ?? Number.NaN);
  if (Number.isNaN(at.getTime())) return "<unset>";
  const two = (number: number): string => String(number).padStart(2, "0");
  const offset = -at.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return `${DAYS[at.getDay()]}, ${two(at.getDate())} ${MONTHS[at.getMonth()]} ${at.getFullYear()} ${clock} ${zone}`;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
