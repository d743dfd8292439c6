import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

/** What sysfs answers where it cannot be written: read-only, or without the right. */
const REFUSED: ReadonlySet<string | undefined> = new Set(["EROFS", "EACCES", "EPERM"]);

/**
 * Sets `isolated` on every port of a bridge through sysfs: no program is started, which costs this process more than
 * the work itself when fifty pods start at once. False when that is not possible and a program must do it: sysfs shows
 * the network namespace in which it was mounted, which need not be ours, or refuses the write.
 *
 * The files are in the kernel's memory, and reading them waits for nothing: hence synchronously.
 */
export function isolateThroughSysfs(bridge: string, classNet = "/sys/class/net"): boolean {
  // The address tells the namespaces apart: this list is always of our own.
  const own = networkInterfaces()[bridge]?.[0]?.mac;
  const ports = join(classNet, bridge, "brif");
  try {
    if (own === undefined || read(join(classNet, bridge, "address")) !== own) return false;
    for (const port of readdirSync(ports)) isolate(join(ports, port, "isolated"));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || REFUSED.has(code)) return false;
    throw error;
  }
}

function isolate(path: string): void {
  try {
    if (read(path) !== "1") writeFileSync(path, "1");
  } catch (error) {
    // A pod that ended since then took its interface with it (ENODEV: between the opening and the reading).
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENODEV") throw error;
  }
}

function read(path: string): string {
  return readFileSync(path, "utf8").trim();
}
