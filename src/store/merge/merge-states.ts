import {
  type Binding,
  type Claimants,
  contentHash,
  type Deletion,
  type ObjectState,
  type RegisterValue,
} from "../object-state.ts";
import { historyOf, joinHistories, seenBeside } from "./history.ts";

/**
 * The join of two states of one key: commutative, associative and idempotent, so that replicas converge whatever the
 * order in which they hear of changes. Returns `ours` itself when `theirs` adds nothing.
 *
 * The newer incarnation wins whole (create stamp, then uid). Within one, a tombstone beats everything; then each
 * register for itself. What either has seen is joined apart from that, over all incarnations.
 */
export function mergeStates(ours: ObjectState | undefined, theirs: ObjectState): ObjectState {
  if (ours === undefined) return theirs;
  const merged = mergeRegisters(ours, theirs);
  const history = historyOf(merged === theirs ? theirs : ours);
  const joined = joinHistories(history, historyOf(merged === theirs ? ours : theirs));
  const unchanged = joined === history && (merged === ours || merged === theirs);
  return unchanged ? merged : { ...merged, seen: seenBeside(joined, merged.main) };
}

function mergeRegisters(ours: ObjectState, theirs: ObjectState): ObjectState {
  const order = compareIncarnations(ours, theirs);
  if (order !== 0) return order > 0 ? ours : theirs;
  if (ours.tombstone !== undefined || theirs.tombstone !== undefined) return mergeTombstones(ours, theirs);
  const main = laterRegister(ours.main, theirs.main);
  const status = laterRegister(ours.status, theirs.status);
  const binding = firstBinding(ours.binding, theirs.binding);
  const deletion = earlierDeletion(ours.deletion, theirs.deletion);
  const claimants = joinClaimants(ours.claimants, theirs.claimants);
  const sameRegisters = main === ours.main && status === ours.status && claimants === ours.claimants;
  const unchanged = sameRegisters && binding === ours.binding && deletion === ours.deletion;
  return unchanged ? ours : { ...ours, main, status, binding, deletion, claimants };
}

/** Below zero when `a` is the older incarnation. */
export function compareIncarnations(a: ObjectState, b: ObjectState): number {
  return compare(a.created, b.created) || compare(a.uid, b.uid);
}

function mergeTombstones(ours: ObjectState, theirs: ObjectState): ObjectState {
  const stamp = later(ours.tombstone, theirs.tombstone);
  if (stamp === ours.tombstone) return ours;
  return { key: ours.key, uid: ours.uid, created: ours.created, cause: ours.cause, tombstone: stamp };
}

/** The later stamp; for one stamp the greater content hash, and for one content the greater name of its writer. */
function laterRegister(ours: RegisterValue | undefined, theirs: RegisterValue | undefined): RegisterValue | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  const order =
    compare(ours.stamp, theirs.stamp) ||
    compare(contentHash(ours.content), contentHash(theirs.content)) ||
    compare(ours.by ?? "", theirs.by ?? "");
  return order >= 0 ? ours : theirs;
}

/** Set once: the first stamp keeps it, so that nothing unbinds a bound pod. */
function firstBinding(ours: Binding | undefined, theirs: Binding | undefined): Binding | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  const order = compare(ours.stamp, theirs.stamp) || compare(ours.nodeName, theirs.nodeName);
  return order <= 0 ? ours : theirs;
}

/** A deletion is never taken back; a shorter grace period brings its end forward. */
export function earlierDeletion(ours: Deletion | undefined, theirs: Deletion | undefined): Deletion | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  const order = compare(ours.timestamp, theirs.timestamp) || (ours.seconds ?? -1) - (theirs.seconds ?? -1);
  return order <= 0 ? ours : theirs;
}

function joinClaimants(ours: Claimants | undefined, theirs: Claimants | undefined): Claimants | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  const news = Object.entries(theirs).filter(([id, released]) => {
    const known = ours[id];
    return known === undefined || released > known;
  });
  return news.length === 0 ? ours : { ...ours, ...Object.fromEntries(news) };
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a >= b ? a : b;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
