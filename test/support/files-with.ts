import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** The files below a directory in which one of the words stands, in order. It may be that of an agent that goes on. */
export function filesWith(directory: string, words: readonly string[]): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => words.some((word) => contentOf(file).includes(word)))
    .map((file) => relative(directory, file))
    .toSorted();
}

/** Empty where the file is gone by now, as one that was just being written. */
function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}
