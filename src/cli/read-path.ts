import { readFileSync } from "node:fs";

/** Reads what somebody has named, and says which path it was where that fails. */
export function readPath<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new Error(`Cannot read ${path}`, { cause: missing ? "it does not exist" : error });
  }
}

/** The text of a file that holds one secret, without the line's end. */
export function readSecretFile(path: string): string {
  return readPath(path, () => readFileSync(path, "utf8")).trim();
}
