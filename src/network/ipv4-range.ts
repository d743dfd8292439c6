/** An IPv4 network: first address and prefix length. Addresses are unsigned 32-bit numbers. */
export interface Ipv4Range {
  readonly base: number;
  readonly bits: number;
}

/** Throws for anything but `a.b.c.d/bits` with zero host bits. */
export function parseRange(text: string): Ipv4Range {
  const [address, length] = text.split("/");
  const bits = Number(length);
  if (address === undefined || length === undefined || !/^\d{1,2}$/.test(length) || bits > 32) {
    throw new Error(`Cannot read ${JSON.stringify(text)} as an IPv4 range: it must look like 10.42.0.0/16`);
  }
  const base = parseAddress(address);
  if (base % rangeSize(bits) !== 0) {
    throw new Error(`Cannot read ${text} as an IPv4 range: ${address} is not the first address of a /${bits}`);
  }
  return { base, bits };
}

export function parseAddress(text: string): number {
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255)) {
    throw new Error(`Cannot read ${JSON.stringify(text)} as an IPv4 address`);
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

export function formatRange({ base, bits }: Ipv4Range): string {
  return `${formatAddress(base)}/${bits}`;
}

/** How many addresses a prefix length leaves. */
export function rangeSize(bits: number): number {
  return 2 ** (32 - bits);
}

export function rangesOverlap(one: Ipv4Range, other: Ipv4Range): boolean {
  return one.base < other.base + rangeSize(other.bits) && other.base < one.base + rangeSize(one.bits);
}

/** The first /24 of a range, or the whole range where it is smaller. */
export function firstNodeRange(cluster: Ipv4Range): Ipv4Range {
  return { base: cluster.base, bits: Math.max(24, cluster.bits) };
}
