import type { Served } from "../../api/catalog.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { parseFieldSelector, parseLabelSelector } from "../../api/selector.ts";
import type { Entry } from "../../store/port.ts";

/** Which objects of a kind a list, watch or deletecollection means. */
export interface ObjectFilter {
  /** "" is all. */
  readonly namespace: string;
  /** Undefined where every object of the namespace is meant. */
  readonly matches: ((object: KubeObject) => boolean) | undefined;
}

/** Reads `labelSelector` and `fieldSelector`. Throws BadRequest for what cannot be parsed or names an unknown field. */
export function objectFilter(served: Served, namespace: string, query: URLSearchParams): ObjectFilter {
  const labels = query.get("labelSelector") ?? "";
  const fields = query.get("fieldSelector") ?? "";
  const tests: ((object: KubeObject) => boolean)[] = [];
  if (labels !== "") {
    const selector = parseLabelSelector(labels);
    tests.push((object) => selector.matches(object.metadata.labels ?? {}));
  }
  if (fields !== "") {
    const selector = parseFieldSelector(served.declaration, fields);
    tests.push((object) => selector.matches(object));
  }
  return { namespace, matches: tests.length === 0 ? undefined : (object) => tests.every((test) => test(object)) };
}

export function filtered(entries: readonly Entry[], { matches }: ObjectFilter): readonly Entry[] {
  return matches ? entries.filter(({ object }) => matches(object)) : entries;
}
