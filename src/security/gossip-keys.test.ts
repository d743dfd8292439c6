import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { GossipKeys } from "./gossip-keys.ts";

const key = (fill: number): Buffer => Buffer.alloc(32, fill);

test("steps that come at the same time are all taken, and are on disk", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "gossip-keys-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "gossip.json");
  const keys = await GossipKeys.open(file, [key(1)]);
  const refused = assert.rejects(keys.remove(key(1)), /it is in use/);
  await Promise.all([refused, keys.add(key(2)), keys.add(key(3)), keys.use(key(2)), keys.remove(key(3))]);
  for (const one of [keys, await GossipKeys.open(file)]) assert.deepEqual(one.keys, [key(2), key(1)]);
});
