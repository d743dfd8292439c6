import { isIPv4 } from "node:net";

function bitsOf(ip: string): number {
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function parts(cidr: string): { base: number; size: number } {
  const [ip = "", prefix = ""] = cidr.split("/");
  return { base: bitsOf(ip), size: 2 ** (32 - Number(prefix)) };
}

/** Whether the text is an IPv4 range such as `10.42.0.0/16` whose host bits are all zero. */
export function isCidr4(text: string): boolean {
  const [ip = "", prefix = "", ...more] = text.split("/");
  if (more.length > 0 || !isIPv4(ip) || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) return false;
  const { base, size } = parts(text);
  return base % size === 0;
}

export function cidrsOverlap(a: string, b: string): boolean {
  const [left, right] = [parts(a), parts(b)];
  return left.base < right.base + right.size && right.base < left.base + left.size;
}
