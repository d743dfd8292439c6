import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskUsage } from "./disk-usage.ts";

const MIB = 2 ** 20;

test("what lies below a directory is counted, and what a link leads to is not", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "disk-usage-"));
  t.after(() => rm(root, { recursive: true }));
  const { signal } = new AbortController();
  const inside = join(root, "inside");
  await mkdir(join(inside, "deep/er"), { recursive: true });
  await writeFile(join(root, "outside"), Buffer.alloc(4 * MIB, 1));
  await symlink(join(root, "outside"), join(inside, "link"));
  const empty = await diskUsage(inside, { enough: Infinity, signal });
  assert.ok(empty < MIB, `${empty} bytes`);
  await writeFile(join(inside, "deep/er/file"), Buffer.alloc(MIB, 1));
  const full = await diskUsage(inside, { enough: Infinity, signal });
  assert.ok(full >= MIB && full < 2 * MIB, `${full} bytes`);
  assert.ok((await diskUsage(inside, { enough: 1000, signal })) > 1000);
  assert.equal(await diskUsage(join(root, "none"), { enough: 1, signal }), 0);
});
