import { resolvConfUpstreams, parseUpstream } from "../../dns/upstream-address.ts";

/**
 * The upstreams as they can be asked in a network namespace of its own: one on the host's loopback cannot, but the
 * userspace network between the two forwards names to the host's resolvers. Podman lists that forwarder first in the
 * namespace's resolv.conf, and may list public resolvers after it, which nobody chose.
 */
export function reachableUpstreams(upstreams: readonly string[], resolvConf: string): string[] {
  const [forwarder] = resolvConfUpstreams(resolvConf);
  const reachable = upstreams.flatMap((upstream) => {
    const host = parseUpstream(upstream)?.host;
    if (host === undefined || !isLoopback(host)) return [upstream];
    return forwarder === undefined ? [] : [forwarder];
  });
  return [...new Set(reachable)];
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
