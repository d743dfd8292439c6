import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "../lib/random.ts";
import { openNodeId } from "./node-id.ts";

test("a node's id is made once, and lost with its data directory", async () => {
  const directory = await mkdtemp(join(tmpdir(), "node-id-"));
  try {
    const id = await openNodeId(directory, systemRandom);
    assert.equal(await openNodeId(directory, systemRandom), id);
    assert.equal((await stat(join(directory, "node-id"))).mode & 0o777, 0o600);
    assert.notEqual(await openNodeId(join(directory, "other"), systemRandom), id);
    await writeFile(join(directory, "node-id"), "");
    await assert.rejects(openNodeId(directory, systemRandom), /does not hold a UUID/);
  } finally {
    await rm(directory, { recursive: true });
  }
});
