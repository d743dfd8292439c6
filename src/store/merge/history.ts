import type { ObjectState, RegisterValue } from "../object-state.ts";
import type { Stamp } from "./stamp.ts";

/** Which writes of `main` a state comes after: for each replica, the stamp of its latest one. */
export type History = Readonly<Record<string, Stamp>>;

/**
 * Only the latest entries are kept. What is not covered for certain beyond that counts as covered: with more writers
 * than this, a discarded write may go unreported, and a write that was known never is reported.
 */
export const LONGEST_HISTORY = 16;

const NONE: History = {};

/** Mostly it is the one write that `main` is; then nothing is kept beside it. */
export function historyOf({ seen, main }: Pick<ObjectState, "seen" | "main">): History {
  if (seen !== undefined) return seen;
  return main?.by === undefined ? NONE : { [main.by]: main.stamp };
}

/** What to keep of a history beside `main`: nothing where it says no more. */
export function seenBeside(history: History, main: RegisterValue | undefined): History | undefined {
  const replicas = Object.keys(history);
  if (replicas.length === 0) return undefined;
  const implied = replicas.length === 1 && replicas[0] === main?.by && Object.values(history)[0] === main?.stamp;
  return implied ? undefined : history;
}

/** The greater of each entry, and of them the latest. Gives `ours` itself where `theirs` adds nothing. */
export function joinHistories(ours: History, theirs: History): History {
  const news = Object.entries(theirs).filter(([replica, stamp]) => stamp > stampOf(ours, replica));
  if (news.length === 0) return ours;
  const all = Object.entries({ ...ours, ...Object.fromEntries(news) });
  if (all.length <= LONGEST_HISTORY) return Object.fromEntries(all);
  const latest = all.toSorted(([a, s], [b, t]) => (s === t ? (a < b ? 1 : -1) : s < t ? 1 : -1));
  const kept = Object.fromEntries(latest.slice(0, LONGEST_HISTORY));
  const same = Object.entries(kept).every(([replica, stamp]) => stampOf(ours, replica) === stamp);
  return same ? ours : kept;
}

/** Whether what has this history came after the write, as far as can be known. */
export function covers(history: History, write: { readonly by: string; readonly stamp: Stamp }): boolean {
  if (stampOf(history, write.by) >= write.stamp) return true;
  const stamps = Object.values(history);
  return stamps.length >= LONGEST_HISTORY && stamps.every((stamp) => stamp >= write.stamp);
}

function stampOf(history: History, replica: string): Stamp {
  return Object.hasOwn(history, replica) ? (history[replica] as Stamp) : "";
}
