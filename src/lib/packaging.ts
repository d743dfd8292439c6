import { createRequire } from "node:module";

const loadBuiltin = createRequire(process.execPath);

interface SingleExecutable {
  isSea(): boolean;
  getAsset(name: string, encoding: "utf8"): string;
}

/** `node:sea` is reached through require because a worker made from text cannot import it statically. */
const sea = loadBuiltin("node:sea") as SingleExecutable;

/**
 * How this program was put together: run from its TypeScript source, from the bundle in dist/, or as one executable
 * file. Only what starts workers and child processes needs to know.
 */
export type Packaging = "source" | "bundle" | "executable";

export const packaging: Packaging = sea.isSea()
  ? "executable"
  : import.meta.url.endsWith("/packaging.ts")
    ? "source"
    : "bundle";

/** A script that the build put into the single executable. Throws where there is none of that name. */
export function embeddedScript(name: string): string {
  return sea.getAsset(name, "utf8");
}
