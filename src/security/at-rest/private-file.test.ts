import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

test("a directory in a file's place is refused by its name, read or written", async (t) => {
  const parent = await mkdtemp(join(tmpdir(), "private-file-"));
  t.after(() => rm(parent, { recursive: true }));
  const path = await mkdtemp(join(parent, "kubeconfig-"));
  const refused = (error: Error): boolean =>
    error instanceof DamagedFile && error.message.includes(`${path}: it is a directory`);
  await assert.rejects(readPrivateFile(path), refused);
  await assert.rejects(writePrivateFile(path, "text"), refused);
  assert.equal((await readdir(dirname(path))).length, 1);
});
