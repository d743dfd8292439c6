import type { Served } from "../../api/catalog.ts";
import type { Entry, StoreEvent } from "../../store/port.ts";
import type { Wanted } from "../http/accept.ts";
import { entryJson, type IncludeObject, partialMetadata, table } from "../objects/object-view.ts";
import type { ObjectFilter } from "../objects/object-filter.ts";
import { watchFrame } from "./watch-stream.ts";

type EventType = StoreEvent["type"];

/**
 * What a filtered watcher is told about a change: an object that begins to match is ADDED, one that ceases to is DELETED.
 * Without the version before, the cautious word is taken: clients bear an ADDED or a DELETED too many, not one too few.
 */
export function eventFor(
  { type, entry, previous }: StoreEvent,
  { namespace, matches }: ObjectFilter,
): EventType | undefined {
  if (namespace !== "" && entry.key.namespace !== namespace) return undefined;
  if (!matches) return type;
  const now = type !== "DELETED" && matches(entry.object);
  const before = type !== "ADDED" && (previous ? matches(previous.object) : true);
  if (now) return before && previous ? "MODIFIED" : "ADDED";
  return before ? "DELETED" : undefined;
}

export interface FrameOptions {
  readonly served: Served;
  readonly view: Wanted["view"];
  readonly includeObject: IncludeObject;
  readonly now: () => number;
}

/** Frames of plain watches, made once for all watchers: by version of the object, then by event and served version. */
const shared = new WeakMap<Entry, Map<string, Buffer>>();

/** Makes the frames of one watcher. */
export class WatchFrames {
  readonly #options: FrameOptions;
  #columns = true;

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  frame(type: EventType, entry: Entry): Buffer {
    const { served, view } = this.#options;
    if (view === "object") return sharedFrame(served, type, entry);
    if (view === "table") return watchFrame(type, JSON.stringify(this.#table(entry)));
    return watchFrame(type, JSON.stringify(partialMetadata(entry.object)));
  }

  #table(entry: Entry): object {
    const { served, includeObject, now } = this.#options;
    const columns = this.#columns;
    this.#columns = false;
    const { resourceVersion } = entry;
    return table(served, [entry.object], { includeObject, columns, now: now(), metadata: { resourceVersion } });
  }

  /** Says how far the watcher has seen everything; with `initial` also that all that existed has been sent. */
  bookmark(resourceVersion: string, initial = false): Buffer {
    const { served, view, includeObject, now } = this.#options;
    const metadata = {
      resourceVersion,
      creationTimestamp: null,
      ...(initial ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    };
    const { kind } = served.declaration;
    const bare = { kind, apiVersion: served.version.apiVersion, metadata };
    if (view === "object") return watchFrame("BOOKMARK", JSON.stringify(bare));
    const partial = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
    if (view !== "table") return watchFrame("BOOKMARK", JSON.stringify(partial));
    const empty = table(served, [], { includeObject, columns: false, now: now(), metadata: { resourceVersion } });
    return watchFrame(
      "BOOKMARK",
      JSON.stringify({ ...empty, rows: [{ cells: [], object: includeObject === "Object" ? bare : partial }] }),
    );
  }
}

function sharedFrame(served: Served, type: EventType, entry: Entry): Buffer {
  const name = `${type} ${served.version.apiVersion}`;
  let known = shared.get(entry);
  if (!known) shared.set(entry, (known = new Map()));
  let frame = known.get(name);
  if (!frame) known.set(name, (frame = watchFrame(type, entryJson(served, entry))));
  return frame;
}
