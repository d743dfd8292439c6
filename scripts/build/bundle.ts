import { createHash } from "node:crypto";
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type BuildOptions, type Metafile } from "esbuild";
import { root } from "../root.ts";

/** The programs that are released, with their entry points. */
const PROGRAMS = { "podman-swarm-agent": "src/daemon/main.ts", psctl: "src/cli/main.ts" } as const;

/** Every worker's script, keyed by its file name without extension (see src/lib/worker-entry.ts). */
function workerScripts(): Record<string, string> {
  const files = globSync("src/**/*-thread.ts", { cwd: root });
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

/**
 * Fills `dist`: one launcher a program, and lib/HASH/ with flat modules, so that whatever is loaded lazily stays so. A
 * program that runs keeps its own lib/HASH/ and so survives the next build.
 */
export async function bundle({ programs, workers }: Sources, dist: string): Promise<Metafile> {
  const lib = join(dist, "lib");
  const unfinished = join(lib, `.unfinished-${process.pid}`);
  rmSync(unfinished, { recursive: true, force: true });
  const { metafile } = await build({
    ...COMMON,
    entryPoints: { ...programs, ...workers },
    outdir: unfinished,
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    // CommonJS dependencies call require for Node's own modules, which ES modules do not have.
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
  });
  writeFileSync(join(unfinished, "package.json"), '{"type":"module"}\n');
  const hash = hashOf(unfinished);
  removeOldBuilds(lib, hash);
  if (existsSync(join(lib, hash))) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, join(lib, hash));
  const launcher = readFileSync(join(root, "scripts/build/launcher"), "utf8").replace("@BUILD@", hash);
  for (const program of Object.keys(programs)) {
    const file = join(dist, program);
    writeFileSync(`${file}.new`, launcher, { mode: 0o755 });
    renameSync(`${file}.new`, file);
  }
  return metafile;
}

function hashOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}

/** Keeps the newest, which somebody may be starting right now, and whatever a process runs from. */
function removeOldBuilds(lib: string, current: string): void {
  const builds = readdirSync(lib).filter((name) => /^[0-9a-f]{12}$/u.test(name) && name !== current);
  const made = (name: string): number => statSync(join(lib, name)).mtimeMs;
  const [newest] = builds.toSorted((one, other) => made(other) - made(one));
  const running = commandLines();
  for (const name of readdirSync(lib)) {
    const used = name === newest || name === current || running.includes(`/lib/${name}/`);
    if (!used && !name.startsWith(".unfinished")) rmSync(join(lib, name), { recursive: true, force: true });
  }
}

/** Of all processes, also of those that see `dist` under another path. */
function commandLines(): string {
  return globSync("/proc/[0-9]*/cmdline")
    .map((file) => {
      try {
        return readFileSync(file, "utf8");
      } catch {
        return ""; // It has ended meanwhile.
      }
    })
    .join("\n");
}

if (import.meta.main) await bundle(productSources(), join(root, "dist"));
