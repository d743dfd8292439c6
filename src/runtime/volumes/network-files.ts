import type { Pod } from "../../api/kinds.ts";
import type { PodResolver } from "../ports.ts";

export interface HostsFile {
  readonly ip: string;
  readonly hostname: string;
  readonly clusterDomain: string;
  /** The host's own file, for pods of its network. */
  readonly base?: string;
}

/** The pod's `/etc/hosts`, in the layout of upstream's. */
export function hostsFile(pod: Pod, { ip, hostname, clusterDomain, base }: HostsFile): string {
  const aliases = pod.spec?.hostAliases ?? [];
  const lines =
    base === undefined
      ? [
          "# Kubernetes-managed hosts file.",
          "127.0.0.1\tlocalhost",
          "::1\tlocalhost ip6-localhost ip6-loopback",
          "fe00::0\tip6-localnet",
          "fe00::0\tip6-mcastprefix",
          "fe00::1\tip6-allnodes",
          "fe00::2\tip6-allrouters",
          `${ip}\t${hostsNames(pod, { hostname, clusterDomain })}`,
        ]
      : ["# Kubernetes-managed hosts file (host network).", base.trimEnd()];
  if (aliases.length > 0) {
    lines.push("", "# Entries added by HostAliases.");
    for (const alias of aliases) lines.push(`${alias.ip}\t${(alias.hostnames ?? []).join("\t")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** With a subdomain the pod's full name too, as its headless service announces it. */
function hostsNames(pod: Pod, { hostname, clusterDomain }: { hostname: string; clusterDomain: string }): string {
  const subdomain = pod.spec?.subdomain;
  const namespace = pod.metadata?.namespace ?? "default";
  return subdomain ? `${hostname}.${subdomain}.${namespace}.svc.${clusterDomain}\t${hostname}` : hostname;
}

/** The pod's `/etc/resolv.conf` by its dnsPolicy and dnsConfig; `host` is the node's own file. */
export function resolvConf(pod: Pod, { cluster, host }: { cluster: PodResolver | undefined; host: string }): string {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
  const usesCluster =
    policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && pod.spec?.hostNetwork !== true);
  const base = policy === "None" ? undefined : usesCluster && cluster ? cluster : parseResolvConf(host);
  const config = pod.spec?.dnsConfig;
  const servers = unique([...(base?.dnsServers ?? []), ...(config?.nameservers ?? [])]);
  const searches = unique([...(base?.dnsSearches ?? []), ...(config?.searches ?? [])]);
  const options = new Map<string, string>();
  const own = (config?.options ?? []).map(({ name = "", value }) => (value === undefined ? name : `${name}:${value}`));
  for (const option of [...(base?.dnsOptions ?? []), ...own]) options.set(option.split(":")[0] ?? option, option);
  return [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.size > 0 ? [`options ${[...options.values()].join(" ")}`] : []),
    "",
  ].join("\n");
}

function parseResolvConf(text: string): PodResolver {
  const dnsServers: string[] = [];
  let dnsSearches: string[] = [];
  const dnsOptions: string[] = [];
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === "nameserver" && rest[0]) dnsServers.push(rest[0]);
    else if (word === "search" || word === "domain") dnsSearches = rest;
    else if (word === "options") dnsOptions.push(...rest);
  }
  return { dnsServers, dnsSearches, dnsOptions };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
