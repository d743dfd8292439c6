import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("what is damaged in the data directory ends the agent with the code of a refusal, and one sentence", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "podman-swarm-command-"));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "lock"));
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const flags = [`--data-dir=${directory}`, "--node-name=node1"];
  const { status, stderr } = spawnSync(process.execPath, [main, ...flags], { encoding: "utf8", timeout: 60_000 });
  assert.equal(status, 78, stderr);
  assert.match(stderr, new RegExp(`^Cannot [^\n]*${join(directory, "lock")}: it is a directory[^\n]*\n$`));
});
