import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
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
