import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeFileTree, type FileTree } from "./file-tree.ts";

function tree(files: Record<string, string>, mode = 0o644): FileTree {
  return new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
}

test("a volume changes as a whole, and only when its files do", async () => {
  const directory = await mkdtemp(join(tmpdir(), "file-tree-"));
  try {
    assert.equal(await writeFileTree(directory, tree({ a: "1", "sub/b": "2" }), { version: "v1" }), true);
    assert.equal(await readFile(join(directory, "sub/b"), "utf8"), "2");
    assert.equal(await readlink(join(directory, "a")), "..data/a");
    assert.equal(await writeFileTree(directory, tree({ a: "1", "sub/b": "2" }), { version: "v2" }), false);
    assert.equal(await readlink(join(directory, "..data")), "..v1");
    assert.equal(await writeFileTree(directory, tree({ a: "3" }, 0o400), { version: "v3" }), true);
    assert.equal(await readFile(join(directory, "a"), "utf8"), "3");
    assert.equal((await stat(join(directory, "a"))).mode & 0o777, 0o400);
    assert.deepEqual((await readdir(directory)).sort(), ["..data", "..v3", "a"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a volume is renewed after a process was killed in the middle", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "file-tree-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFileTree(directory, tree({ a: "1" }), { version: "v1" });
  await symlink("..v2", join(directory, "..data_tmp"));
  assert.equal(await writeFileTree(directory, tree({ a: "2" }), { version: "v2" }), true);
  assert.equal(await readFile(join(directory, "a"), "utf8"), "2");
});

test("nothing outside is removed for a volume whose current files are said to lie there", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "file-tree-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "precious"));
  const directory = join(folder, "volume");
  for (const target of ["../precious", "..", "../precious/.", join(folder, "precious")]) {
    await mkdir(directory);
    await symlink(target, join(directory, "..data"));
    await assert.rejects(writeFileTree(directory, tree({ a: "1" }), { version: "v1" }), /leads away/, target);
    await rm(directory, { recursive: true });
  }
  assert.deepEqual(await readdir(folder), ["precious"]);
});
