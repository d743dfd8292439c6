import type { Kernel } from "./kernel.ts";
import { parseRange } from "./ipv4-range.ts";
import { type HostRoute, routeConflict } from "./route-conflict.ts";

/**
 * Refuses pod and service ranges that are not IPv4 ranges, overlap, or would hide networks that this host reaches.
 * `host` is the host's own network namespace, also for a rootless node.
 */
export async function checkRanges(
  host: Kernel,
  { podCidr, serviceCidr, bridge }: { podCidr: string; serviceCidr: string; bridge: string },
): Promise<void> {
  const ranges = [
    { range: parseRange(podCidr), flag: "--pod-cidr" },
    { range: parseRange(serviceCidr), flag: "--service-cidr" },
  ];
  const listed = await host.run(["ip", "-4", "-j", "route", "show"]);
  const conflict = routeConflict(ranges, JSON.parse(listed || "[]") as HostRoute[], bridge);
  if (conflict !== undefined) throw new Error(conflict);
}
