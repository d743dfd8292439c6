import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
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
  workers: { "echo-thread": "test/packaging/echo-thread.ts" },
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

test("builds from which programs run stay, and so does the one before the newest", async () => {
  const dist = join(folder, "rebuilt");
  const builds = async (worker: string): Promise<string[]> => {
    await bundle({ ...sources, workers: { [worker]: "test/packaging/echo-thread.ts" } }, dist);
    return readdirSync(join(dist, "lib"));
  };
  const [first = ""] = await builds("one-thread");
  const script = join(dist, "lib", first, "program.js");
  const running = spawn(process.execPath, ["-e", "process.stdin.resume()", script], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  assert.equal((await builds("two-thread")).length, 2);
  assert.equal((await builds("three-thread")).length, 3);
  assert.deepEqual((await builds("three-thread")).includes(first), true);
  running.stdin.end();
  await once(running, "exit");
  const left = await builds("four-thread");
  assert.deepEqual([left.length, left.includes(first)], [2, false]);
});

test("the launcher takes no other Node than the one that PODMAN_SWARM_NODE names", async () => {
  await bundle(sources, folder);
  const env = { ...process.env, PODMAN_SWARM_NODE: "/nowhere/node" };
  const stderr =
    /^Cannot start program: PODMAN_SWARM_NODE names \/nowhere\/node, which is not Node\.js 24\.12 or later\n$/;
  await assert.rejects(run(join(folder, "program"), [], { env, cwd: "/" }), { code: 1, stderr });
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
