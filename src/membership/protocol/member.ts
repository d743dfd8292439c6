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
