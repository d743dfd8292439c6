import { isIP } from "node:net";

/** The 4 or 16 bytes of an address in text; undefined for anything else. */
export function ipBytes(text: string): Buffer | undefined {
  const family = isIP(text);
  if (family === 4) return Buffer.from(text.split(".").map(Number));
  if (family !== 6 || text.includes("%")) return undefined;
  const bytes = Buffer.alloc(16);
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let groups = text;
  if (tail) {
    const v4 = Buffer.from(tail[2]!.split(".").map(Number));
    groups = `${tail[1]}${v4.readUInt16BE(0).toString(16)}:${v4.readUInt16BE(2).toString(16)}`;
  }
  const [head = "", rest] = groups.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = rest === undefined || rest === "" ? [] : rest.split(":");
  front.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), index * 2));
  back.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), 16 - (back.length - index) * 2));
  return bytes;
}

/** A test whether an address lies in any of these CIDRs. What is no CIDR is left out: configuration is checked before. */
export function rangeTest(cidrs: readonly string[]): (address: Buffer) => boolean {
  const ranges = cidrs.flatMap((cidr) => {
    const [address = "", length = ""] = cidr.split("/");
    const bytes = ipBytes(address);
    return bytes === undefined || !/^\d+$/.test(length) ? [] : [{ bytes, length: Number(length) }];
  });
  return (address) =>
    ranges.some(({ bytes, length }) => {
      if (bytes.length !== address.length) return false;
      const whole = length >> 3;
      if (bytes.compare(address, 0, whole, 0, whole) !== 0) return false;
      const rest = length & 7;
      return rest === 0 || (bytes[whole]! ^ address[whole]!) >> (8 - rest) === 0;
    });
}

/**
 * The address that the labels of a reverse name stand for; "partial" for a name above an address' own, undefined when
 * the name is not a reverse name at all.
 */
export function reverseAddress(labels: readonly string[]): Buffer | "partial" | undefined {
  if (labels.at(-1) !== "arpa") return undefined;
  const parts = labels.slice(0, -2).toReversed();
  if (labels.at(-2) === "in-addr") {
    if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
    return parts.length === 4 ? Buffer.from(parts.map(Number)) : parts.length < 4 ? "partial" : undefined;
  }
  if (labels.at(-2) === "ip6") {
    if (!parts.every((part) => /^[0-9a-f]$/.test(part))) return undefined;
    return parts.length === 32 ? Buffer.from(parts.join(""), "hex") : parts.length < 32 ? "partial" : undefined;
  }
  return undefined;
}
