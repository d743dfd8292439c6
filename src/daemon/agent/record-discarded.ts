import { declarationOfResource } from "../../api/catalog.ts";
import { isNamespaceTerminating, isReason } from "../../api/api-error.ts";
import type { Objects } from "../../api/objects.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Discarded } from "../../store/merge/discarded.ts";

/** More than this wait at most, after a long parting; the rest is counted and logged only. */
const MOST_WAITING = 1000;

export interface RecordDiscardedDeps {
  readonly store: { onDiscarded(listener: (discarded: Discarded) => void, signal: AbortSignal): void };
  readonly objects: Pick<Objects, "create">;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Makes an Event on the object for each change of a user that a merge has discarded. Several nodes may see the same one:
 * its Event has one name on all of them.
 */
export async function recordDiscarded(deps: RecordDiscardedDeps, signal: AbortSignal): Promise<void> {
  const { store, metrics, logger } = deps;
  const count = metrics.counter("podman_swarm_store_discarded_total", "Changes that a merge has discarded.");
  const waiting: Discarded[] = [];
  let wake = Promise.withResolvers<void>();
  const heard = (discarded: Discarded): void => {
    const { key, by, keptInstead } = discarded;
    count.add({ resource: key.resource });
    logger.warn("a change was discarded", { ...key, by, keptInstead });
    if (waiting.length >= MOST_WAITING || !declarationOfResource(key.resource)) return;
    waiting.push(discarded);
    wake.resolve();
  };
  store.onDiscarded(heard, signal);
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  while (!signal.aborted) {
    await wake.promise;
    wake = Promise.withResolvers();
    for (let next = waiting.shift(); next; next = waiting.shift()) await record(next, deps);
  }
}

async function record(discarded: Discarded, { objects, clock, logger }: RecordDiscardedDeps): Promise<void> {
  const { key, id, content, keptUid } = discarded;
  const now = timestamp(clock.now());
  const involved = { namespace: key.namespace, name: key.name, uid: keptUid };
  try {
    await objects.create("Event", {
      metadata: { name: `${key.name.slice(0, 230)}.${id}`, namespace: key.namespace || "default" },
      involvedObject: { kind: text(content["kind"]), apiVersion: text(content["apiVersion"]), ...involved },
      reason: "ChangeDiscarded",
      message: messageOf(discarded),
      source: { component: "podman-swarm-store" },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type: "Warning",
      reportingComponent: "podman-swarm-store",
      reportingInstance: "",
    });
  } catch (error) {
    const told = isReason(error, "AlreadyExists");
    // An Event goes with its namespace: there is nowhere to write it, and nobody left to read it.
    const gone = isReason(error, "NotFound") || isNamespaceTerminating(error);
    if (!told && !gone) logger.error("cannot record an Event", { ...key, error: describeError(error) });
  }
}

function messageOf({ by, atMs, content, keptInstead, kept }: Discarded): string {
  const manager = latestManager(content);
  const change = `${manager === undefined ? "A change" : `A change by ${manager}`} through the node ${by} at ${timestamp(atMs)}`;
  const other = kept ? ` through the node ${kept.by} at ${timestamp(kept.atMs)}` : "";
  switch (keptInstead) {
    case "change":
      return `${change} was discarded: another one${other} was made without knowing of it, and is kept as the newer one`;
    case "object":
      return `${change} was discarded with its object: another one of this name was created${other}, and is kept as the newer one`;
    case "deletion":
      return `${change} was discarded: the object was deleted elsewhere without knowing of it`;
  }
}

/** As server-side apply notes them in `metadata.managedFields`. */
interface Manager {
  readonly manager?: string;
  readonly time?: string;
}

function latestManager(content: Discarded["content"]): string | undefined {
  const { managedFields = [] } = content["metadata"] as { managedFields?: readonly Manager[] };
  const latest = managedFields.toSorted((a, b) => ((a.time ?? "") < (b.time ?? "") ? 1 : -1))[0];
  return latest?.manager;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
