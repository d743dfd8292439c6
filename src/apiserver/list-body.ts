import type { Served } from "../api/catalog.ts";
import type { Entry } from "../store/port.ts";
import { entryJson } from "./object-view.ts";

const COMMA = 0x2c;

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** The JSON of a list, put together from the objects' own cached JSON in one copy. */
export function listBody(served: Served, entries: readonly Entry[], metadata: ListMetadata): Buffer {
  const { declaration, version } = served;
  const head = JSON.stringify({ kind: `${declaration.kind}List`, apiVersion: version.apiVersion, metadata });
  const start = Buffer.from(`${head.slice(0, -1)},"items":[`);
  const items = entries.map((entry) => entryJson(served, entry));
  const size = items.reduce((sum, { length }) => sum + length + 1, start.length + 2);
  const body = Buffer.allocUnsafe(size);
  let at = start.copy(body);
  items.forEach((item, index) => {
    if (index > 0) body[at++] = COMMA;
    at += item.copy(body, at);
  });
  at += body.write("]}", at);
  return body.subarray(0, at);
}
