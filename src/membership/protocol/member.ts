import { isIPv4, isIPv6 } from "node:net";
import type { NodeState } from "../wire/message-type.ts";

export interface Endpoint {
  /** An IP address as text. */
  readonly host: string;
  readonly port: number;
}

export interface Versions {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** What this node knows of one name, itself included. Owned by the member table. */
export interface Member {
  readonly name: string;
  addr: Buffer;
  port: number;
  endpoint: Endpoint;
  meta: Buffer;
  state: NodeState;
  incarnation: number;
  protocol: Versions;
  delegate: Versions;
  /** Monotonic milliseconds of the last change of `state`. */
  changedAt: number;
}

const NO_VERSIONS: Versions = { min: 0, max: 0, current: 0 };

/** The six bytes of protocol and delegate versions; undefined when there are fewer, as before protocol 2. */
export function versionsOf(vsn: Uint8Array): { protocol: Versions; delegate: Versions } | undefined {
  if (vsn.length < 6) return undefined;
  const at = (index: number): number => vsn[index] ?? 0;
  return {
    protocol: { min: at(0), max: at(1), current: at(2) },
    delegate: { min: at(3), max: at(4), current: at(5) },
  };
}

export function versionBytes({ protocol, delegate }: Pick<Member, "protocol" | "delegate">): Buffer {
  return Buffer.of(protocol.min, protocol.max, protocol.current, delegate.min, delegate.max, delegate.current);
}

export function isGone(member: Member): boolean {
  return member.state === "dead" || member.state === "left";
}

/** The text of an IP address of 4 or 16 bytes; undefined for any other length. */
export function hostOf(addr: Uint8Array): string | undefined {
  if (addr.length === 4) return addr.join(".");
  if (addr.length !== 16) return undefined;
  const mapped = addr.subarray(0, 10).every((byte) => byte === 0) && addr[10] === 0xff && addr[11] === 0xff;
  if (mapped) return addr.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((addr[index * 2] ?? 0) << 8) | (addr[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(":");
}

/** The 4 or 16 bytes of an IP address. Throws for anything else. */
export function addressBytes(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from(host.split(".").map(Number));
  if (!isIPv6(host) || host.includes("%"))
    throw new TypeError(`Cannot use the address ${host}: it is not an IP address`);
  // An IPv4 address at the end stands for the last two groups.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/u.exec(host);
  const pair = (high: string | undefined, low: string | undefined): string =>
    ((Number(high) << 8) | Number(low)).toString(16);
  const text = dotted ? `${dotted[1]}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}` : host;
  const [head = "", tail] = text.split("::");
  const groups = (part: string | undefined): string[] => (part ? part.split(":") : []);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...(tail === undefined ? [] : Array<string>(missing).fill("0")), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

export function newMember(name: string, fields: Pick<Member, "addr" | "port" | "meta" | "changedAt">): Member {
  const endpoint = { host: hostOf(fields.addr) ?? "", port: fields.port };
  return {
    name,
    ...fields,
    endpoint,
    state: "dead",
    incarnation: 0,
    protocol: NO_VERSIONS,
    delegate: NO_VERSIONS,
  };
}
