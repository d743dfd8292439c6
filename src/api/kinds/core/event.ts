import { declareKind } from "../../declare-kind.ts";
import type { KubeObject } from "../../kinds.ts";

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
});

function rename(
  object: KubeObject,
  apiVersion: string,
  direction: (pair: readonly [string, string]) => readonly [string, string],
): KubeObject {
  const names = new Map(RENAMED.map((pair) => direction(pair)));
  const fields = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value] as const);
  return { ...(Object.fromEntries(fields) as KubeObject), apiVersion };
}
