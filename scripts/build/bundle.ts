import { chmodSync, copyFileSync, globSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type BuildOptions, type Metafile } from "esbuild";
import { root } from "../root.ts";

/** The programs that are released, with their entry points. */
const PROGRAMS = { "podman-swarm-agent": "src/daemon/main.ts", psctl: "src/cli/main.ts" } as const;

/** Every worker's script, keyed by its file name without extension (see src/lib/worker-entry.ts). */
function workerScripts(): Record<string, string> {
  const files = globSync("src/**/*-worker.ts", { cwd: root });
  const scripts = Object.fromEntries(files.map((file) => [basename(file, ".ts"), file]));
  if (Object.keys(scripts).length !== files.length) {
    throw new Error(`Cannot build: two workers have the same file name among ${files.join(", ")}`);
  }
  return scripts;
}

/** What all bundles have in common. Names are kept, because they are in stack traces. */
export const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24.12",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
} as const satisfies BuildOptions;

/** Which programs and workers to build: file name without extension to source file. */
export interface Sources {
  programs: Readonly<Record<string, string>>;
  workers: Readonly<Record<string, string>>;
}

export function productSources(): Sources {
  return { programs: PROGRAMS, workers: workerScripts() };
}

/** Fills `dist`: one launcher a program, and lib/ with flat modules, so that whatever is loaded lazily stays so. */
export async function bundle({ programs, workers }: Sources, dist: string): Promise<Metafile> {
  const lib = join(dist, "lib");
  rmSync(lib, { recursive: true, force: true });
  const { metafile } = await build({
    ...COMMON,
    entryPoints: { ...programs, ...workers },
    outdir: lib,
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    // CommonJS dependencies call require for Node's own modules, which ES modules do not have.
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
  });
  writeFileSync(join(lib, "package.json"), '{"type":"module"}\n');
  for (const program of Object.keys(programs)) {
    const launcher = join(dist, program);
    copyFileSync(join(root, "scripts/build/launcher"), launcher);
    chmodSync(launcher, 0o755);
  }
  return metafile;
}

if (import.meta.main) await bundle(productSources(), join(root, "dist"));
