import { ipBytes, rangeTest, reverseAddress } from "./ip-bytes.ts";
import type { ZoneRecord } from "./record-writer.ts";
import type { DnsEndpoint, DnsPort, DnsService, DnsSnapshot } from "./snapshot.ts";
import { TYPE } from "./wire.ts";

/** What the cluster zone knows of a name. `found` without records is an empty answer. */
export type Resolution =
  | { readonly kind: "found"; readonly records: readonly ZoneRecord[]; readonly additionals?: readonly ZoneRecord[] }
  | { readonly kind: "alias"; readonly target: string }
  | { readonly kind: "absent" };

const ABSENT: Resolution = { kind: "absent" };
const EMPTY: Resolution = { kind: "found", records: [] };
/** Kubernetes DNS-Based Service Discovery 2.2: the version of the schema that is served. */
const SCHEMA_VERSION = "1.1.0";

/**
 * The names of one snapshot. Nothing is expanded beforehand: a name is taken apart and looked up, so that applying a
 * snapshot costs next to nothing however many names it has.
 */
export class AnswerTable {
  readonly snapshot: DnsSnapshot;
  readonly #services: ReadonlyMap<string, DnsService>;
  readonly #namespaces: ReadonlySet<string>;
  readonly #domain: readonly string[];
  readonly #inRanges: (address: Buffer) => boolean;
  #reverse: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(snapshot: DnsSnapshot) {
    this.snapshot = snapshot;
    // A Map, so that a name like "__proto__" is only a name.
    this.#services = new Map(Object.entries(snapshot.services));
    this.#namespaces = new Set(
      [...this.#services.keys()].map((key) => key.slice(0, key.indexOf("/"))).concat(Object.keys(snapshot.pods ?? {})),
    );
    this.#domain = snapshot.domain.split(".");
    this.#inRanges = rangeTest(snapshot.ranges);
  }

  /** Undefined when the name is not ours to answer. `name` is `labels` joined. */
  resolve(labels: readonly string[], type: number): Resolution | undefined {
    const depth = labels.length - this.#domain.length;
    if (depth >= 0 && this.#domain.every((label, index) => labels[depth + index] === label)) {
      return this.#resolveZone(labels.slice(0, depth), { name: labels.join("."), type });
    }
    return this.#resolveReverse(labels, type);
  }

  #resolveZone(labels: readonly string[], asked: Asked): Resolution {
    const { domain } = this.snapshot;
    const [first, second] = labels;
    if (first === undefined) {
      if (asked.type === TYPE.SOA) return found({ name: domain, type: "SOA", zone: domain });
      if (asked.type === TYPE.NS) return found({ name: domain, type: "NS", target: `ns.dns.${domain}` });
      return EMPTY;
    }
    if (labels.length === 1 && first === "dns-version") {
      return asked.type === TYPE.TXT ? found({ name: asked.name, type: "TXT", text: SCHEMA_VERSION }) : EMPTY;
    }
    if (labels.length === 2 && first === "ns" && second === "dns") return addressRecords(asked, this.snapshot.servers);
    const kind = labels.at(-1);
    if (kind === "pod") return this.#resolvePod(labels.slice(0, -1), asked);
    return this.#resolveService(kind === "svc" ? labels.slice(0, -1) : labels, asked);
  }

  /** `[_port, _proto | hostname,] service, namespace`. */
  #resolveService(labels: readonly string[], asked: Asked): Resolution {
    const namespace = labels.at(-1);
    const name = labels.at(-2);
    if (namespace === undefined) return EMPTY;
    if (name === undefined) return this.#namespaces.has(namespace) ? EMPTY : ABSENT;
    const service = this.#services.get(`${namespace}/${name}`);
    if (service === undefined || labels.length > 4) return ABSENT;
    const canonical = `${name}.${namespace}.svc.${this.snapshot.domain}`;
    const sub = labels.slice(0, -2);
    if (service.type === "external") {
      return sub.length === 0 ? { kind: "alias", target: service.target } : ABSENT;
    }
    if (service.type === "headless") return resolveHeadless(service.endpoints, { sub, canonical, ...asked });
    if (sub.length === 0 && asked.type !== TYPE.SRV) return addressRecords(asked, service.addresses);
    const ports = selectPorts(service.ports, sub);
    if (ports === undefined) return ABSENT;
    if (asked.type !== TYPE.SRV || sub.length === 1) return EMPTY;
    return {
      kind: "found",
      records: ports.map(({ port }) => srv(asked.name, { target: canonical, port, share: ports.length })),
      additionals: addresses(canonical, service.addresses),
    };
  }

  #resolvePod(labels: readonly string[], asked: Asked): Resolution {
    const [name, namespace] = labels.length === 1 ? [undefined, labels[0]] : labels;
    if (namespace === undefined) return EMPTY;
    const pods = this.snapshot.pods;
    if (name === undefined) return this.#namespaces.has(namespace) ? EMPTY : ABSENT;
    const bytes = ipBytes(name.replaceAll("-", ".")) ?? ipBytes(name.replaceAll("-", ":"));
    if (bytes === undefined || labels.length !== 2) return ABSENT;
    const known =
      pods === undefined
        ? this.#inRanges(bytes)
        : Object.hasOwn(pods, namespace) && pods[namespace]!.some((address) => ipBytes(address)?.equals(bytes));
    return known ? addressBytes(asked, [bytes]) : ABSENT;
  }

  #resolveReverse(labels: readonly string[], type: number): Resolution | undefined {
    const address = reverseAddress(labels);
    if (address === undefined || address === "partial") return undefined;
    this.#reverse ??= this.#buildReverse();
    const names = this.#reverse.get(address.toString("hex"));
    if (names === undefined) return this.#inRanges(address) ? ABSENT : undefined;
    if (type !== TYPE.PTR && type !== TYPE.ANY) return EMPTY;
    const name = labels.join(".");
    return { kind: "found", records: names.map((target) => ({ name, type: "PTR", target })) };
  }

  #buildReverse(): Map<string, string[]> {
    const names = new Map<string, string[]>();
    const add = (address: string, name: string): void => {
      const key = ipBytes(address)?.toString("hex");
      if (key === undefined) return;
      const known = names.get(key);
      if (known === undefined) names.set(key, [name]);
      else if (!known.includes(name)) known.push(name);
    };
    for (const [key, service] of this.#services) {
      const [namespace, name] = key.split("/");
      const canonical = `${name}.${namespace}.svc.${this.snapshot.domain}`;
      if (service.type === "virtual") for (const address of service.addresses) add(address, canonical);
      if (service.type === "headless") {
        for (const endpoint of service.endpoints) add(endpoint.address, `${endpointLabel(endpoint)}.${canonical}`);
      }
    }
    return names;
  }
}

interface Asked {
  readonly name: string;
  readonly type: number;
}

function resolveHeadless(
  endpoints: readonly DnsEndpoint[],
  asked: Asked & { readonly sub: readonly string[]; readonly canonical: string },
): Resolution {
  const { sub, canonical, name, type } = asked;
  // Kubernetes DNS-Based Service Discovery 2.4.1: without a ready endpoint the name does not exist.
  if (endpoints.length === 0) return ABSENT;
  if (sub.length === 0 && type !== TYPE.SRV) {
    return addressRecords(asked, [...new Set(endpoints.map(({ address }) => address))]);
  }
  if (sub.length === 1 && !sub[0]!.startsWith("_")) {
    const named = endpoints.filter((endpoint) => endpointLabel(endpoint) === sub[0]);
    return named.length === 0 ? ABSENT : addressRecords(asked, [...new Set(named.map(({ address }) => address))]);
  }
  const targets = endpoints.flatMap((endpoint) =>
    (selectPorts(endpoint.ports, sub) ?? []).map(({ port }) => ({ endpoint, port })),
  );
  if (targets.length === 0) return ABSENT;
  if (type !== TYPE.SRV || sub.length === 1) return EMPTY;
  const target = (endpoint: DnsEndpoint): string => `${endpointLabel(endpoint)}.${canonical}`;
  return {
    kind: "found",
    records: targets.map(({ endpoint, port }) => srv(name, { target: target(endpoint), port, share: targets.length })),
    additionals: [...new Set(targets.map(({ endpoint }) => endpoint))].flatMap((endpoint) =>
      addresses(target(endpoint), [endpoint.address]),
    ),
  };
}

/** An endpoint's own label: its hostname, or its address with dashes. */
function endpointLabel({ address, hostname }: DnsEndpoint): string {
  return hostname ?? address.replace(/[.:]/g, "-");
}

/** The ports under `_port._proto`, `_proto` or the service itself; undefined when the name names none. */
function selectPorts(ports: readonly DnsPort[], sub: readonly string[]): readonly DnsPort[] | undefined {
  const [protocol, port] = sub.toReversed();
  if (protocol === undefined) return ports;
  const matching = ports.filter(
    (one) => `_${one.protocol}` === protocol && (port === undefined || (one.name !== "" && `_${one.name}` === port)),
  );
  return matching.length === 0 ? undefined : matching;
}

function srv(name: string, { target, port, share }: { target: string; port: number; share: number }): ZoneRecord {
  return { name, type: "SRV", target, port, weight: Math.max(1, Math.floor(100 / share)) };
}

function addressRecords(asked: Asked, texts: readonly string[]): Resolution {
  return addressBytes(
    asked,
    texts.flatMap((text) => ipBytes(text) ?? []),
  );
}

function addressBytes({ name, type }: Asked, list: readonly Buffer[]): Resolution {
  // RFC 8482: an ANY query may be answered with a part.
  const wanted = type === TYPE.A || type === TYPE.ANY ? 4 : type === TYPE.AAAA ? 16 : 0;
  const matching = list.filter(({ length }) => length === wanted);
  return { kind: "found", records: matching.map((address) => addressRecord(name, address)) };
}

function addresses(name: string, texts: readonly string[]): ZoneRecord[] {
  return texts.flatMap((text) => {
    const bytes = ipBytes(text);
    return bytes === undefined ? [] : [addressRecord(name, bytes)];
  });
}

function addressRecord(name: string, address: Buffer): ZoneRecord {
  return { name, type: address.length === 4 ? "A" : "AAAA", address };
}

function found(record: ZoneRecord): Resolution {
  return { kind: "found", records: [record] };
}
