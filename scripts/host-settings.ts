import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The machine's settings that an agent of root's may change and that nothing takes back by itself. */
const NAMES = ["net/ipv4/ip_forward", "net/ipv4/conf/all/send_redirects", "net/bridge/bridge-nf-call-iptables"];

export type HostSettings = Readonly<Record<string, string>>;

export function readHostSettings(): HostSettings {
  const there = process.getuid?.() === 0 ? NAMES.filter((name) => existsSync(file(name))) : [];
  return Object.fromEntries(there.map((name) => [name, value(name)]));
}

/** Resolves with a line for each that had been changed. */
export function restoreHostSettings(settings: HostSettings): string[] {
  const changed = Object.entries(settings).filter(([name, old]) => existsSync(file(name)) && value(name) !== old);
  for (const [name, old] of changed) writeFileSync(file(name), old);
  return changed.map(([name, old]) => `restored ${file(name)} to ${old}`);
}

function file(name: string): string {
  return join("/proc/sys", name);
}

function value(name: string): string {
  return readFileSync(file(name), "utf8").trim();
}
