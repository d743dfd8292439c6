import { createHash } from "node:crypto";
import type { ServiceEntry, ServiceTable, Target } from "./service-table.ts";

/** Our one table. It belongs to us alone: it is replaced as a whole at start, and nothing else is ever touched. */
export const TABLE = "ip podman_swarm";

/** Packets with this mark leave with the node's own address; the bit that kube-proxy uses too. */
const MASQUERADE_MARK = "0x4000";

/**
 * A packet that meets a change of its service in the middle may find the old rule's choices gone. It must not go on and
 * be refused: without an answer, its sender tries again and finds the new ones.
 */
const LAST_RULE = "drop";

export interface NftSettings {
  /** The bridge of the pods. */
  readonly bridge: string;
  readonly gateway: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** The addresses at which pods ask for names, at port 53, and the port of the gateway at which they are answered. */
  readonly dns?: {
    readonly addresses: readonly string[];
    readonly port: number;
    /** A further port at which pods may ask, besides 53, which is all that a resolv.conf knows. */
    readonly alsoAt?: number;
  };
}

/** The part of the table that changes with the services. Two programs can be compared piece by piece. */
export interface NftProgram {
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Declarations of named sets. */
  readonly sets: ReadonlyMap<string, string>;
  /** Elements of the fixed maps and sets: key to verdict, or to "" in a set. */
  readonly elements: Readonly<Record<ElementMap, ReadonlyMap<string, string>>>;
}

export const ELEMENT_MAPS = ["vips", "nodeports", "refused_nodeports", "hairpin"] as const;
export type ElementMap = (typeof ELEMENT_MAPS)[number];

/** What the kernel must hold for these services. Pure. */
export function compileServices(table: ServiceTable): NftProgram {
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, string>();
  const vips = new Map<string, string>();
  const nodeports = new Map<string, string>();
  const refused = new Map<string, string>();
  const hairpin = new Map<string, string>();
  for (const entry of table) {
    const { protocol, node } = entry;
    for (const { ip } of [...entry.targets, ...(node?.targets ?? [])]) hairpin.set(`${ip} . ${ip}`, "");
    if (entry.targets.length > 0) {
      const chain = serviceChain(entry, { scope: "cluster", targets: entry.targets }, { chains, sets });
      for (const address of entry.addresses) vips.set(`${address} . ${protocol} . ${entry.port}`, `goto ${chain}`);
    }
    if (node === undefined) continue;
    const key = `${protocol} . ${node.port}`;
    if (node.targets.length === 0) {
      refused.set(key, "");
      continue;
    }
    // A pod answers to whom it sees: unless it is to see the client, the answer must come back through this node.
    const mark = node.keepsClientAddress ? [] : [`meta mark set meta mark or ${MASQUERADE_MARK}`];
    const chain = serviceChain(entry, { scope: "node", targets: node.targets, first: mark }, { chains, sets });
    nodeports.set(key, `goto ${chain}`);
  }
  return { chains, sets, elements: { vips, nodeports, refused_nodeports: refused, hairpin } };
}

interface Choice {
  readonly scope: "cluster" | "node";
  readonly targets: readonly Target[];
  readonly first?: readonly string[];
}

interface Building {
  readonly chains: Map<string, readonly string[]>;
  readonly sets: Map<string, string>;
}

/** Adds the chain that picks a target for new connections, and returns its name. */
function serviceChain(entry: ServiceEntry, { scope, targets, first = [] }: Choice, { chains, sets }: Building): string {
  const name = chainName("svc", `${scope} ${entry.id}`);
  const seconds = entry.affinitySeconds;
  if (seconds === undefined) {
    chains.set(name, [...first, `meta l4proto ${entry.protocol} dnat to ${pick(targets)}`, LAST_RULE]);
    return name;
  }
  const sticky = targets.map((target) => {
    const id = `${scope} ${entry.id} ${target.ip}:${target.port}`;
    const [chain, set] = [chainName("end", id), chainName("aff", `${id} ${seconds}`)];
    sets.set(set, `type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s;`);
    chains.set(chain, [
      `update @${set} { ip saddr }`,
      `meta l4proto ${entry.protocol} dnat to ${target.ip}:${target.port}`,
    ]);
    return { chain, set };
  });
  chains.set(name, [
    ...first,
    ...sticky.map(({ chain, set }) => `ip saddr @${set} goto ${chain}`),
    `numgen random mod ${sticky.length} vmap { ${sticky.map(({ chain }, index) => `${index} : goto ${chain}`).join(", ")} }`,
    LAST_RULE,
  ]);
  return name;
}

function pick(targets: readonly Target[]): string {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return `${only.ip}:${only.port}`;
  const choices = targets.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`);
  return `numgen random mod ${targets.length} map { ${choices.join(", ")} }`;
}

/** nft names are short, and a bare service name may be one of its keywords. */
function chainName(prefix: string, id: string): string {
  return `${prefix}_${createHash("sha256").update(id).digest("hex").slice(0, 16)}`;
}

/** The rules of the chain `refuse` once the table is complete. */
export const REFUSAL = ["meta l4proto tcp reject with tcp reset", "reject"] as const;

function asked(alsoAt: number | undefined): string {
  return alsoAt === undefined || alsoAt === 53 ? "53" : `{ 53, ${alsoAt} }`;
}

/** The part of the table that does not change with the services, without its braces. */
export function baseRules({ bridge, gateway, podCidr, serviceCidr, dns }: NftSettings): string {
  const names =
    dns === undefined
      ? ""
      : `ip daddr { ${dns.addresses.join(", ")} } meta l4proto { tcp, udp } th dport ${asked(dns.alsoAt)}`;
  return `
  map vips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map nodeports { type inet_proto . inet_service : verdict; }
  set refused_nodeports { type inet_proto . inet_service; }
  set hairpin { type ipv4_addr . ipv4_addr; }
  chain refuse {
    drop
  }
  chain services {
    ip daddr . meta l4proto . th dport vmap @vips
    ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @nodeports
  }
  chain prerouting {
    type nat hook prerouting priority dstnat - 5; policy accept;
    ${dns === undefined ? "" : `iifname "${bridge}" ${names} dnat to ${gateway}:${dns.port}`}
    jump services
  }
  chain output {
    type nat hook output priority -105; policy accept;
    ${dns === undefined ? "" : `${names} dnat to ${gateway}:${dns.port}`}
    jump services
  }
  chain forward_filter {
    type filter hook forward priority filter - 5; policy accept;
    ip daddr ${serviceCidr} jump refuse
  }
  chain output_filter {
    type filter hook output priority filter - 5; policy accept;
    ip daddr ${serviceCidr} jump refuse
  }
  chain input_filter {
    type filter hook input priority filter - 5; policy accept;
    ${dns === undefined ? "" : `ip daddr ${gateway} meta l4proto { tcp, udp } th dport ${dns.port} iifname != { "${bridge}", "lo" } drop`}
    fib daddr type local meta l4proto . th dport @refused_nodeports jump refuse
  }
  chain postrouting {
    type nat hook postrouting priority srcnat - 10; policy accept;
    meta mark & ${MASQUERADE_MARK} == ${MASQUERADE_MARK} masquerade
    ip saddr . ip daddr @hairpin masquerade
    ip saddr ${podCidr} ip daddr ${podCidr} snat ip prefix to ip saddr map { ${podCidr} : ${podCidr} }
  }
`;
}
