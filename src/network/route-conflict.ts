import { formatRange, type Ipv4Range, parseRange, rangesOverlap } from "./ipv4-range.ts";

export interface HostRoute {
  /** `10.42.0.0/24`, a single address, or `default`. */
  readonly dst?: string;
  readonly dev?: string;
}

export interface RangeUse {
  readonly range: Ipv4Range;
  /** `--pod-cidr` */
  readonly flag: string;
}

/**
 * Why the ranges cannot be used beside the host's routes (as `ip -j route` lists them), with the flag that helps;
 * undefined when they can. Our own bridge's routes do not count. Pure.
 */
export function routeConflict(
  ranges: readonly RangeUse[],
  routes: readonly HostRoute[],
  bridge: string,
): string | undefined {
  for (const [index, one] of ranges.entries()) {
    for (const other of ranges.slice(index + 1)) {
      if (rangesOverlap(one.range, other.range)) {
        return `Cannot use ${one.flag} ${formatRange(one.range)} and ${other.flag} ${formatRange(other.range)}: they overlap`;
      }
    }
    for (const { dst, dev } of routes) {
      // A default route leads everywhere, and a more specific route of ours wins over it.
      if (dst === undefined || dst === "default" || dst === "0.0.0.0/0" || dst.includes(":") || dev === bridge)
        continue;
      if (rangesOverlap(one.range, parseRange(dst.includes("/") ? dst : `${dst}/32`))) {
        const by = dev === undefined ? "" : ` over ${dev}`;
        return (
          `Cannot use ${one.flag} ${formatRange(one.range)}: this host has a route to ${dst}${by}, which it would hide; ` +
          `choose a range that is free on every host with ${one.flag}`
        );
      }
    }
  }
  return undefined;
}
