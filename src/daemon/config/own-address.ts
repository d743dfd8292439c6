import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { writePrivateFile } from "../../security/at-rest/private-file.ts";
import { cidrsOverlap } from "./cidr-text.ts";

/** What a host says of its network. Interfaces without a cable are not among them. */
export interface HostNetwork {
  readonly interfaces: ReturnType<typeof networkInterfaces>;
  /** The text of /proc/net/route. */
  readonly routes: string;
}

export interface AddressOptions {
  /** What the node was reached at when it ran last. */
  readonly lastTime: string | undefined;
  /** Ranges in CIDR notation that are the node's own to give away. */
  readonly ownRanges: readonly string[];
}

/**
 * The address of the interface that the default route uses. While that one is down, the one of the last time: a node that
 * starts before its switch does is the same node. Without a default route the one of the last time as long as the host
 * has it, else the first one that is not of the pods; loopback without any.
 */
export function ownAddress({ interfaces, routes }: HostNetwork, { lastTime, ownRanges }: AddressOptions): string {
  const addressesOf = (name: string): string[] =>
    (interfaces[name] ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address)
      .filter((address) => !ownRanges.some((range) => cidrsOverlap(`${address}/32`, range)));
  // Interface, destination and gateway in hex, ...
  const [routed] =
    routes
      .split("\n")
      .map((line) => line.split("\t"))
      .find(([, destination]) => destination === "00000000") ?? [];
  if (routed !== undefined) {
    const [found = lastTime] = addressesOf(routed);
    if (found !== undefined) return found;
  }
  const all = Object.keys(interfaces).flatMap(addressesOf);
  const kept = lastTime !== undefined && all.includes(lastTime) ? lastTime : undefined;
  return kept ?? all[0] ?? lastTime ?? "127.0.0.1";
}

/** By what the host says now. */
export function defaultAddress(dataDir: string, ownRanges: readonly string[]): string {
  const host = { interfaces: networkInterfaces(), routes: textOf("/proc/net/route") };
  return ownAddress(host, { lastTime: addressOfLastTime(dataDir), ownRanges });
}

/** Undefined for a node that starts for the first time. */
export function addressOfLastTime(dataDir: string): string | undefined {
  const text = textOf(fileIn(dataDir)).trim();
  return isIPv4(text) ? text : undefined;
}

/** For the next start. */
export async function keepAddress(dataDir: string, address: string): Promise<void> {
  if (!isIPv4(address) || address.startsWith("127.") || address === addressOfLastTime(dataDir)) return;
  await writePrivateFile(fileIn(dataDir), `${address}\n`);
}

function fileIn(dataDir: string): string {
  return join(dataDir, "address");
}

/** What is wrong with a data directory is told when it is opened. */
const NOT_THERE: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "EACCES"]);

/** Empty where there is no such file. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code)) return "";
    throw error;
  }
}
