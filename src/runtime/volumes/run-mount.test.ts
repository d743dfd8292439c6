import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runMount } from "./run-mount.ts";

/** An environment in which `mount` is this script. */
async function environment(t: TestContext, script: string): Promise<NodeJS.ProcessEnv> {
  const directory = await mkdtemp(join(tmpdir(), "run-mount-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "mount"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${directory}:/usr/bin:/bin` };
}

test("a mount that hangs is given up with a sentence", { timeout: 60_000 }, async (t) => {
  const env = await environment(t, "exec sleep 60");
  await assert.rejects(runMount(["mount", "a", "/b"], { timeoutMs: 200, env }), {
    message: "Cannot mount a /b: not done after 200 ms",
  });
});

test("a mount that fails says why", async (t) => {
  const env = await environment(t, "echo no such device >&2; exit 32");
  await assert.rejects(runMount(["mount", "a", "/b"], { env }), /no such device/);
});

test("a mount that is made is waited for", async (t) => {
  await runMount(["mount", "a", "/b"], { env: await environment(t, "exit 0") });
});
