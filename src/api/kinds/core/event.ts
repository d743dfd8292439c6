import { ageSince, column, wideColumn } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import type { Cell, RowContext } from "../../kind.ts";
import type { Event, KubeObject } from "../../kinds.ts";
import { invalid } from "../../field-error.ts";

/** The names that one field has in core/v1 (what is stored) and in events.k8s.io/v1. */
const RENAMED: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

export const event = declareKind({
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  namespaced: true,
  versions: [
    { group: "", version: "v1", schema: "core.v1.Event" },
    {
      group: "events.k8s.io",
      version: "v1",
      schema: "events.v1.Event",
      toStorage: (object) => rename(object, "v1", ([core, events]) => [events, core]),
      fromStorage: (object) => rename(object, "events.k8s.io/v1", (pair) => pair),
    },
  ],
  ephemeral: true,
  columns: [
    column("Last Seen", "Time since it last happened."),
    column("Type", "Normal or Warning."),
    column("Reason", "The event in one word."),
    column("Object", "What it is about."),
    wideColumn("Subobject", "The part that it is about."),
    wideColumn("Source", "Who saw it."),
    column("Message", "What happened."),
    wideColumn("First Seen", "Time since it first happened."),
    wideColumn("Count", "How often it happened."),
    { name: "Name", type: "string", format: "name", description: "The event's own name.", priority: 1 },
  ],
  row: eventRow,
  validate: ({ metadata, involvedObject }) => {
    const namespace = involvedObject?.namespace ?? "";
    // Events stand beside what they are about; those about something without a namespace may be anywhere.
    return namespace === "" || metadata.namespace === namespace
      ? []
      : [invalid("involvedObject.namespace", namespace, "does not match event.namespace")];
  },
  fields: ({ involvedObject, reason, reportingComponent, source, type }) => ({
    "involvedObject.kind": involvedObject?.kind ?? "",
    "involvedObject.namespace": involvedObject?.namespace ?? "",
    "involvedObject.name": involvedObject?.name ?? "",
    "involvedObject.uid": involvedObject?.uid ?? "",
    "involvedObject.apiVersion": involvedObject?.apiVersion ?? "",
    "involvedObject.resourceVersion": involvedObject?.resourceVersion ?? "",
    "involvedObject.fieldPath": involvedObject?.fieldPath ?? "",
    reason: reason ?? "",
    reportingComponent: reportingComponent ?? "",
    source: source?.component || (reportingComponent ?? ""),
    type: type ?? "",
  }),
});

function eventRow(event: Event, context: RowContext): Cell[] {
  const { metadata, involvedObject, series, source } = event;
  const first = ageSince(event.firstTimestamp ?? event.eventTime, context);
  const last = event.lastTimestamp === undefined ? first : ageSince(event.lastTimestamp, context);
  const kind = (involvedObject?.kind ?? "").toLowerCase();
  const origin = source?.component || (event.reportingComponent ?? "");
  const host = source?.host || (event.reportingInstance ?? "");
  return [
    series === undefined ? last : ageSince(series.lastObservedTime, context),
    event.type ?? "",
    event.reason ?? "",
    involvedObject?.name ? `${kind}/${involvedObject.name}` : kind,
    involvedObject?.fieldPath ?? "",
    host === "" ? origin : `${origin}, ${host}`,
    (event.message ?? "").trim(),
    first,
    String(series?.count ?? (event.count || 1)),
    metadata.name ?? "",
  ];
}

function rename(
  object: KubeObject,
  apiVersion: string,
  direction: (pair: readonly [string, string]) => readonly [string, string],
): KubeObject {
  const names = new Map(RENAMED.map((pair) => direction(pair)));
  const fields = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value] as const);
  return { ...(Object.fromEntries(fields) as KubeObject), apiVersion };
}
