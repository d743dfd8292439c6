import { once } from "node:events";
import { ApiError } from "../../api/api-error.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { Entry, Store, StoreEvent } from "../../store/port.ts";
import type { Wanted } from "../http/accept.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ListOptions } from "../objects/list-options.ts";
import { filtered, type ObjectFilter } from "../objects/object-filter.ts";
import type { IncludeObject } from "../objects/object-view.ts";
import { refuseFuture } from "../objects/requested-version.ts";
import type { ResourcePath } from "../objects/resource-path.ts";
import { eventFor, WatchFrames } from "./watch-events.ts";
import { every, watchFrame, WatchStream } from "./watch-stream.ts";

/** As upstream: a bookmark at least this often. */
const BOOKMARK_MS = 60_000;
/** A watch without a wish of its own ends after one to two times this, so that they do not all come back at once. */
const SHORTEST_WATCH_SECONDS = 1800;

export interface WatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Told about watchers that were cut off because they did not read. */
  readonly onSlow?: ((watcher: { readonly resource: string; readonly unsentBytes: number }) => void) | undefined;
}

export interface WatchRequest {
  readonly path: ResourcePath;
  readonly filter: ObjectFilter;
  readonly options: ListOptions;
  readonly view: Wanted["view"];
  readonly includeObject: IncludeObject;
}

interface Start {
  /** Sent as ADDED before anything else. */
  readonly initial: readonly Entry[];
  readonly since: string;
}

/** Serves one watch; resolves when it has ended. */
export async function serveWatch(deps: WatchDeps, exchange: Exchange, request: WatchRequest): Promise<void> {
  const { clock, random, onSlow } = deps;
  const { options, path, view, includeObject, filter } = request;
  const { declaration } = path.served;
  // Frames go straight to the socket, which an answer has only once the one before on this connection is through: the
  // next watch of a client may be here before we have seen the end of its last.
  if (!(await hasSocket(exchange))) return;
  const start = startOf(deps.store, request);
  const frames = new WatchFrames({ served: path.served, view, includeObject, now: () => clock.now() });
  exchange.response.setHeader("Content-Type", contentType(view));
  exchange.writeWarnings();
  const stream = new WatchStream(exchange.response, {
    onSlow: (unsentBytes) => onSlow?.({ resource: declaration.resource, unsentBytes }),
  });
  const ended = new AbortController();
  const signal = AbortSignal.any([exchange.signal, ended.signal]);
  for (const entry of start.initial) stream.sendInitial(frames.frame("ADDED", entry));
  if (options.sendInitialEvents === true && options.bookmarks) stream.send(frames.bookmark(start.since, true));
  const forward = (event: StoreEvent): void => {
    const type = eventFor(event, filter);
    if (type) stream.send(frames.frame(type, event.entry));
  };
  try {
    deps.store.watch(declaration.resource, start.since, forward, signal);
  } catch (error) {
    ended.abort();
    if (!(error instanceof ApiError)) throw error;
    // The stream has begun, so the error is its last event. Only a version that is gone gets here.
    stream.send(watchFrame("ERROR", JSON.stringify(error.toStatus())));
    stream.end();
    return;
  }
  if (options.bookmarks) {
    every(clock, BOOKMARK_MS, { callback: () => stream.send(frames.bookmark(deps.store.resourceVersion)), signal });
  }
  const { timeoutSeconds: asked = 0 } = options;
  const seconds = asked > 0 ? asked : SHORTEST_WATCH_SECONDS * (1 + random.next());
  const cancel = clock.timer(seconds * 1000, () => ended.abort());
  await untilAborted(signal);
  cancel();
  ended.abort();
  stream.end();
}

/** Waits for the answer's turn on its connection; false where the client goes first. */
async function hasSocket({ request, response, signal }: Exchange): Promise<boolean> {
  if (response.socket) return true;
  // An answer that waits is not told of its connection's end.
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  request.socket.once("close", onClose);
  const either = AbortSignal.any([signal, gone.signal]);
  try {
    await once(response, "socket", { signal: either });
    return true;
  } catch (error) {
    if (!either.aborted) throw error;
    return false;
  } finally {
    request.socket.off("close", onClose);
  }
}

function startOf(store: Store, { path, filter, options }: WatchRequest): Start {
  const { resourceVersion, sendInitialEvents } = options;
  refuseFuture(resourceVersion, store.resourceVersion);
  const fromNow = resourceVersion === undefined || resourceVersion === "0";
  if (sendInitialEvents === true || (fromNow && sendInitialEvents === undefined)) {
    const namespace = filter.namespace === "" ? undefined : filter.namespace;
    const list = store.list(path.served.declaration.resource, namespace);
    return { initial: filtered(list.entries, filter), since: list.resourceVersion };
  }
  return { initial: [], since: fromNow ? store.resourceVersion : resourceVersion };
}

function contentType(view: Wanted["view"]): string {
  if (view === "table") return "application/json;as=Table;g=meta.k8s.io;v=v1";
  return view === "object" ? "application/json" : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
}
