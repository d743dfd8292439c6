import type { Query } from "./query.ts";
import type { Reply } from "./reply.ts";

/** Asks the handlers that come after, with the client's query or with one of the handler's own. */
export type Next = (query: Query) => Reply | Promise<Reply>;

/** One duty in answering. Answers itself, or asks `next` and may change what comes back. Throws only for our own bugs. */
export interface DnsHandler {
  readonly name: string;
  serve(query: Query, next: Next): Reply | Promise<Reply>;
}

export interface ChainParts {
  readonly loopGuard: DnsHandler;
  readonly clusterZone: DnsHandler;
  readonly cache: DnsHandler;
  readonly forward: DnsHandler;
}

/** The order in which a query is answered. */
export function dnsChain({ loopGuard, clusterZone, cache, forward }: ChainParts): Next {
  return compose([
    // First, because a probe of our own must be seen whatever else is configured.
    loopGuard,
    // Never leaves the node: the cluster's names, and the reverse names of its ranges.
    clusterZone,
    // The whitelist's place: behind the zone, which is always allowed, and before anything that came from outside, so
    // that it sees each answer with its CNAMEs whether cached or fresh.
    cache,
    // Last: it never asks a next one.
    forward,
  ]);
}

function compose(handlers: readonly DnsHandler[]): Next {
  return handlers.reduceRight<Next>(
    (next, handler) => (query) => handler.serve(query, next),
    () => {
      throw new Error("Cannot answer a query: the last handler of the chain passed it on");
    },
  );
}
