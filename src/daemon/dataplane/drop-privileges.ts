/**
 * Becomes another user for good; with root's identity go all capabilities. Called after everything is loaded, because
 * the program may lie where only root can read, and before anything hostile is read. Throws when it did not work.
 */
export function dropPrivileges({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  try {
    process.setgroups?.([]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (cause) {
    throw new Error(`Cannot run the dataplane as user ${uid}`, { cause });
  }
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid || canReturn()) {
    throw new Error(`Cannot run the dataplane as user ${uid}: the system let it keep root's rights`);
  }
}

function canReturn(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false; // as it should be
  }
}
