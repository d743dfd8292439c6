import { readFileSync } from "node:fs";

/**
 * Becomes another user for good; with root's identity go all capabilities. Called after everything is loaded, because
 * the program may lie where only root can read, and before anything hostile is read. In a user namespace that does not
 * have the wanted id, its highest one is taken. Throws when it did not work.
 */
export function dropPrivileges(wanted: { readonly uid: number; readonly gid: number }): void {
  const uid = mappedId(readFileSync("/proc/self/uid_map", "utf8"), wanted.uid);
  const gid = mappedId(readFileSync("/proc/self/gid_map", "utf8"), wanted.gid);
  if (uid === 0 || gid === 0) {
    throw new Error(
      "Cannot run the dataplane without root's rights: this user has no other user and group ids; " +
        "`psctl doctor` tells how to get a range in /etc/subuid and /etc/subgid",
    );
  }
  try {
    process.setgroups?.([]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (cause) {
    throw new Error(`Cannot run the dataplane as user ${uid}`, { cause });
  }
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid || canReturn()) {
    throw new Error(`Cannot run the dataplane as user ${uid}: it would keep root's rights`);
  }
}

/** `map` as in user_namespaces(7): first id inside, first id outside, count. */
export function mappedId(map: string, wanted: number): number {
  const ranges = map
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => ({ first, last: first + count - 1 }));
  if (ranges.some(({ first, last }) => wanted >= first && wanted <= last)) return wanted;
  return Math.max(...ranges.map(({ last }) => last));
}

function canReturn(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false; // as it should be
  }
}
