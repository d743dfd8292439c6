import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { root } from "../root.ts";
import { COMMON, productSources, type Sources } from "./bundle.ts";

const run = promisify(execFile);

/** Node looks for this mark in its own file; from Node's documentation of single executable applications. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * Writes one executable file a program into `out`: the running Node with the program and all workers inside. Node 24
 * takes only CommonJS there, which is why nothing in src has a top-level await.
 */
export async function buildExecutables({ programs, workers }: Sources, out: string): Promise<string[]> {
  const work = join(out, ".parts");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await build({
    ...COMMON,
    entryPoints: { ...programs, ...workers },
    outdir: work,
    format: "cjs",
    define: { "import.meta.url": "__moduleUrl" },
    banner: { js: 'const __moduleUrl="file:///podman-swarm";' },
  });
  const assets = Object.fromEntries(Object.keys(workers).map((name) => [name, join(work, `${name}.js`)]));
  const files: string[] = [];
  for (const name of Object.keys(programs)) files.push(await assemble(name, assets, work, out));
  rmSync(work, { recursive: true, force: true });
  return files;
}

async function assemble(name: string, assets: Record<string, string>, work: string, out: string): Promise<string> {
  const blob = join(work, `${name}.blob`);
  const config = join(work, `${name}.json`);
  const settings = {
    main: join(work, `${name}.js`),
    output: blob,
    assets,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    execArgvExtension: "none",
  };
  writeFileSync(config, JSON.stringify(settings));
  await run(process.execPath, ["--experimental-sea-config", config], { cwd: root });
  const unfinished = join(work, name);
  copyFileSync(process.execPath, unfinished);
  chmodSync(unfinished, 0o755);
  // As a child: it prints warnings about ELF sections that mean nothing, and only its exit code matters.
  const postject = fileURLToPath(import.meta.resolve("postject/dist/cli.js"));
  await run(process.execPath, [postject, unfinished, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
  const file = join(out, name);
  renameSync(unfinished, file);
  return file;
}

if (import.meta.main) {
  for (const file of await buildExecutables(productSources(), join(root, "dist/bin"))) console.log(file);
}
