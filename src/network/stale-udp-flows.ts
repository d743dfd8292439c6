import type { ServiceEntry, ServiceTable } from "./service-table.ts";

/**
 * The flows to forget when services change, as arguments of `conntrack -D`: those of UDP clients that were sent to a
 * target which the service no longer has. Pure.
 */
export function staleUdpFlows(before: ServiceTable, after: ServiceTable): string[][] {
  const now = new Map(after.map((entry) => [entry.id, entry]));
  return before
    .filter(({ protocol }) => protocol === "udp")
    .flatMap((old) => {
      const kept = addresses(now.get(old.id));
      return [...addresses(old)]
        .filter((ip) => !kept.has(ip))
        .flatMap((ip) => [
          ...old.addresses.map((vip) => [
            "-p",
            "udp",
            "--orig-dst",
            vip,
            "--orig-port-dst",
            `${old.port}`,
            "--reply-src",
            ip,
          ]),
          ...(old.node === undefined ? [] : [["-p", "udp", "--orig-port-dst", `${old.node.port}`, "--reply-src", ip]]),
        ]);
    });
}

function addresses(entry: ServiceEntry | undefined): Set<string> {
  return new Set([...(entry?.targets ?? []), ...(entry?.node?.targets ?? [])].map(({ ip }) => ip));
}
