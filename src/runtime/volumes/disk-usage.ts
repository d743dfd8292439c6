import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/**
 * The bytes that a directory's files take on the disk; stops counting once it is more than `enough`. Links are not
 * followed. A container that swaps a directory for a link while we look gets a wrong sum for itself, and no more.
 */
export async function diskUsage(
  directory: string,
  { enough, signal }: { readonly enough: number; readonly signal: AbortSignal },
): Promise<number> {
  let bytes = 0;
  const left = [directory];
  for (let path = left.pop(); path !== undefined && bytes <= enough; path = left.pop()) {
    signal.throwIfAborted();
    // What the pod removes while we look is not there any more.
    const entries = await opendir(path).catch(gone);
    if (!entries) continue;
    for await (const entry of entries) {
      const found = join(path, entry.name);
      if (entry.isDirectory()) left.push(found);
      bytes += ((await lstat(found).catch(gone))?.blocks ?? 0) * BLOCK_BYTES;
      if (bytes > enough) break;
    }
  }
  return bytes;
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
