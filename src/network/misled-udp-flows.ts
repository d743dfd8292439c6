import { parseAddress, parseRange, rangesOverlap } from "./ipv4-range.ts";
import type { ServiceTable, Target } from "./service-table.ts";
import type { FlowFilter } from "./stale-udp-flows.ts";

export interface MisledUdpFlowsInput {
  /** What `conntrack -L -p udp` prints. */
  readonly listing: string;
  readonly table: ServiceTable;
  readonly serviceCidr: string;
  /** Where questions for names end; also an address of the node. */
  readonly gateway: string;
}

/**
 * The flows of UDP clients to forget when nobody knows what the table was before, because the agent was not there or
 * somebody had flushed it: all to a service that do not end at one of its targets. Pure.
 */
export function misledUdpFlows({ listing, table, serviceCidr, gateway }: MisledUdpFlowsInput): FlowFilter[] {
  const range = parseRange(serviceCidr);
  const isInRange = (address: string): boolean => rangesOverlap(range, { base: parseAddress(address), bits: 32 });
  const [services, nodePorts] = [new Map<string, readonly Target[]>(), new Map<string, readonly Target[]>()];
  for (const { protocol, addresses, port, targets, node } of table) {
    if (protocol !== "udp") continue;
    for (const address of addresses) services.set(`${address}:${port}`, targets);
    if (node !== undefined) nodePorts.set(`${node.port}`, node.targets);
  }
  const targetsOf = (dst: string, port: string): readonly Target[] | undefined =>
    isInRange(dst) ? (services.get(`${dst}:${port}`) ?? []) : nodePorts.get(port);
  // Many flows of one client and service are forgotten at once.
  const filters = new Map<string, FlowFilter>();
  for (const [, dst = "", port = "", from = ""] of listing.matchAll(FLOW)) {
    const targets = targetsOf(dst, port);
    if (targets === undefined || targets.some(({ ip }) => ip === from)) continue;
    if (from === gateway && isInRange(dst)) continue; // a question for a name
    const filter = ["-p", "udp", "--orig-dst", dst, "--orig-port-dst", port, "--reply-src", from];
    filters.set(filter.join(" "), filter);
  }
  return [...filters.values()];
}

/** Address and port that were asked, and the address that answers. */
const FLOW = /^udp .*? src=\S+ dst=([\d.]+) sport=\d+ dport=(\d+) .*?src=([\d.]+) /gm;
