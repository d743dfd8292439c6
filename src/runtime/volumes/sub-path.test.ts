import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openSubPath, SubPathError } from "./sub-path.ts";

async function volume(t: TestContext): Promise<{ readonly root: string; readonly outside: string }> {
  const folder = await mkdtemp(join(tmpdir(), "sub-path-"));
  t.after(() => rm(folder, { recursive: true }));
  const [root, outside] = [join(folder, "volume"), join(folder, "outside")];
  await Promise.all([mkdir(join(root, "a/b"), { recursive: true }), mkdir(outside)]);
  return { root, outside };
}

async function opened(root: string, subPath: string): Promise<string> {
  const handle = await openSubPath(root, subPath);
  try {
    return (await readlink(`/proc/self/fd/${handle.fd}`)).slice(root.length);
  } finally {
    await handle.close();
  }
}

test("a subPath is what is there, or a directory made anew", async (t) => {
  const { root } = await volume(t);
  await writeFile(join(root, "a/file"), "");
  await symlink("a/b", join(root, "link"));
  const cases = {
    a: "/a",
    "a/b": "/a/b",
    "./a//b/": "/a/b",
    "a/file": "/a/file",
    link: "/a/b",
    "link/new/er": "/a/b/new/er",
  };
  for (const [subPath, place] of Object.entries(cases)) assert.equal(await opened(root, subPath), place, subPath);
});

test("a subPath that a container's links lead out of the volume is refused, and nothing is made there", async (t) => {
  const { root, outside } = await volume(t);
  await symlink(outside, join(root, "out"));
  await symlink(join(outside, "absent"), join(root, "dangling"));
  await symlink("..", join(root, "a/up"));
  for (const subPath of ["out", "out/new", "out/new/er", "dangling", "dangling/new", "a/up/../..", "../x", "/etc"]) {
    await assert.rejects(openSubPath(root, subPath), SubPathError, subPath);
  }
  for (const name of ["new", "absent", "../x"]) assert.equal(existsSync(join(outside, name)), false, name);
});
