import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { AggregatedNews } from "./aggregated-news.ts";
import type { Report } from "./protocol/effects.ts";
import { MANY_HOSTS } from "./refusal.ts";

/** Another node that answers this one, but takes nothing from it. */
export interface Unheard {
  readonly host: string;
  readonly port: number;
  /** What it said, in its words, which nothing proves; or why its answer cannot be read. */
  readonly said: string;
  /** What is wrong most likely. */
  readonly likely: string;
}

/** By what a node says that refuses another: ours, and memberlist v0.7.0 (security.go, net.go). */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/key fits|keys could decrypt/iu, "the two have different gossip keys"],
  [/no gossip key is set|encryption is not configured/iu, "this node encrypts and the other one does not"],
  [/not encrypted/iu, "this node does not encrypt its gossip and the other one wants it"],
  [/label/iu, "the two are of different clusters"],
  [/version/iu, "the two do not speak a version that both understand"],
];

export function likelyCause(said: string): string {
  return CAUSES.find(([pattern]) => pattern.test(said))?.[1] ?? "its log tells why";
}

/** What others refuse of this node, as reports and log lines: one at once, then one a minute for each of them. */
export function unheardNews(
  { clock, log, onReport }: { clock: Clock; log: Logger; onReport: (report: Report) => void },
  { everyMs }: { everyMs?: number | undefined } = {},
): AggregatedNews<Unheard> {
  const tell = (unheard: Unheard, count: number): void => {
    log.warn("membership: another node does not hear this one", { ...unheard, count });
    onReport({ kind: "unheard", unheard, count });
  };
  return new AggregatedNews(
    { clock, tell },
    {
      keyOf: ({ host, port, likely }) => `${host}:${port} ${likely}`,
      summary: (unheard) => ({ ...unheard, host: MANY_HOSTS, port: 0 }),
      ...(everyMs === undefined ? {} : { everyMs }),
    },
  );
}
