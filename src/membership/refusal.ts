import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { AggregatedNews } from "./aggregated-news.ts";
import type { Report } from "./protocol/effects.ts";
import type { RefusalReason } from "./wire/wire-error.ts";

/** Somebody's packet or stream that was refused. */
export interface GossipRefusal {
  readonly reason: RefusalReason;
  readonly transport: "packet" | "stream";
  /** The sender's address, which anyone can forge in a packet. */
  readonly host: string;
  readonly why: string;
}

/** Stands for the sources that are too many to be told apart. */
export const MANY_HOSTS = "many addresses";

/** Refusals as reports and log lines: one at once, then one a minute for each reason and source. */
export function refusalNews(
  { clock, log, onReport }: { clock: Clock; log: Logger; onReport: (report: Report) => void },
  { everyMs }: { everyMs?: number | undefined } = {},
): AggregatedNews<GossipRefusal> {
  const tell = (refusal: GossipRefusal, count: number): void => {
    const { host, ...rest } = refusal;
    log.warn("membership: refused", { from: host, ...rest, count });
    onReport({ kind: "refused", refusal, count });
  };
  return new AggregatedNews(
    { clock, tell },
    {
      keyOf: ({ reason, transport, host }) => `${reason} ${transport} ${host}`,
      summary: (refusal) => ({ ...refusal, host: MANY_HOSTS }),
      ...(everyMs === undefined ? {} : { everyMs }),
    },
  );
}
