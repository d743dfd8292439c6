import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { bundle, type Sources } from "../../scripts/build/bundle.ts";
import { buildExecutables } from "../../scripts/build/executable.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "podman-swarm-packaging-"));
after(() => rmSync(folder, { recursive: true }));

const sources: Sources = {
  programs: { program: "test/packaging/program.ts" },
  workers: { "echo-worker": "test/packaging/echo-worker.ts" },
};
const own = process.version;

test("workers and child processes start from source", async () => {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, "program.ts")]);
  assert.equal(stdout, `source; child of source on ${own}; worker says hello\n`);
});

test("workers and child processes start from the bundle, also through a link, on the pinned Node", async () => {
  await bundle(sources, folder);
  const env = { ...process.env, PODMAN_SWARM_NODE: process.execPath, PATH: "/usr/bin:/bin" };
  const { stdout } = await run(join(folder, "program"), [], { env, cwd: "/" });
  assert.equal(stdout, `bundle; child of bundle on ${own}; worker says hello\n`);
});

test("the launcher says in one sentence what is missing where there is no Node", async () => {
  await bundle(sources, folder);
  const tools = join(folder, "tools");
  mkdirSync(tools);
  for (const tool of ["readlink", "dirname", "basename"]) symlinkSync(join("/usr/bin", tool), join(tools, tool));
  const failure = run(join(folder, "program"), [], { env: { PATH: tools }, cwd: "/" });
  await assert.rejects(failure, { code: 1, stderr: /^Cannot start program: it needs Node.js 24\.12 or later.*\n$/u });
});

test("workers and child processes start from the single executable", async () => {
  const [file = ""] = await buildExecutables(sources, folder);
  const { stdout } = await run(file, [], { env: { PATH: "/usr/bin:/bin" }, cwd: "/" });
  assert.equal(stdout, `executable; child of executable on ${own}; worker says hello\n`);
});
