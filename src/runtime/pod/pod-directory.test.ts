import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PodDirectory } from "./pod-directory.ts";
import type { Termination } from "./pod-state.ts";

test("a damaged record of exit codes holds up no pod, and the next end is kept again", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "pod-directory-"));
  t.after(() => rm(root, { recursive: true }));
  const directory = new PodDirectory(root);
  await mkdir(join(root, "uid"));
  const end: Termination = {
    containerId: "c",
    exitCode: 3,
    reason: "Error",
    message: undefined,
    startedAt: undefined,
    finishedAt: 5,
  };
  for (const text of ["", "\u0000\u0000", "null", '{"a":1}', "[null,1]"]) {
    await writeFile(join(root, "uid/exits.json"), text);
    assert.equal((await directory.exits("uid")).size, 0, text);
    await directory.saveExit("uid", end);
    assert.equal((await directory.exits("uid")).get("c")?.exitCode, 3);
  }
});

test("exits of containers that end together are all kept, and a deadline is set once", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "pod-directory-"));
  t.after(() => rm(root, { recursive: true }));
  const directory = new PodDirectory(root);
  const names = ["a", "b", "c", "d"];
  await Promise.all(
    names.map((containerId, at) =>
      directory.saveExit("uid", { containerId, exitCode: 1, reason: "Error", startedAt: 1, finishedAt: at }),
    ),
  );
  assert.deepEqual([...(await directory.exits("uid")).keys()], names);
  assert.equal(await directory.deadline("uid"), undefined);
  assert.equal(await directory.keepDeadline("uid", 5000), 5000);
  assert.equal(await directory.keepDeadline("uid", 9000), 5000);
  assert.equal(await new PodDirectory(root).deadline("uid"), 5000);
});
