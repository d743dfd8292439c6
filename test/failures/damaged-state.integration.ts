import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";

const MAIN = fileURLToPath(new URL("../../src/daemon/main.ts", import.meta.url));

function configMap(name: string, size = 10): Record<string, unknown> {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { text: "x".repeat(size) } };
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-state-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a second agent on the same data directory is refused with the reason and the first goes on", async () => {
  const agent = await AgentProcess.start();
  try {
    const flags = [`--data-dir=${agent.dataDir}`, "--api-addr=127.0.0.1:1", "--node-name=node2"];
    const second = agent.run(["timeout", "60", process.execPath, MAIN, ...flags]);
    await assert.rejects(second, new RegExp(`${agent.dataDir}.*(in use|another)`, "s"));
    assert.ok((await fetch(`${agent.httpUrl}/readyz`)).ok);
  } finally {
    await agent.stop();
  }
});

test("a damaged database is refused with the file's name and the way back, and nothing of it is changed", async (t) => {
  const dataDir = temporaryFolder(t);
  const agent = await AgentProcess.start({ dataDir });
  t.after(() => agent.stop());
  await agent.end();
  const database = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).find((file) =>
    /\.(db|sqlite3?)$/.test(file),
  );
  assert.ok(database, `a database in ${readdirSync(dataDir).join(", ")}`);
  for (const file of readdirSync(dataDir).filter((name) => name.startsWith(`${database}-`)))
    rmSync(join(dataDir, file));
  const garbage = Buffer.alloc(8192, "garbage ");
  writeFileSync(join(dataDir, database), garbage);
  await assert.rejects(
    agent.startAgain(),
    (error: Error) => error.message.includes(join(dataDir, database)) && /backup/.test(error.message),
  );
  assert.deepEqual(execFileSync("head", ["-c", "8192", join(dataDir, database)]), garbage);
});

async function fullDisk(t: TestContext): Promise<void> {
  const dataDir = temporaryFolder(t);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", dataDir]);
  try {
    await fillAndFree(dataDir);
  } finally {
    execFileSync("umount", ["--lazy", dataDir]);
  }
}

async function fillAndFree(dataDir: string): Promise<void> {
  const agent = await AgentProcess.start({ dataDir });
  const client = agent.client();
  const post = (name: string): Promise<unknown> =>
    client.json("POST", "/api/v1/namespaces/default/configmaps", { body: configMap(name, 500_000) });
  try {
    await post("first");
    const filler = join(dataDir, "filler");
    const failed = spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"], { encoding: "utf8" });
    assert.match(failed.stderr, /No space left/);
    const refused: Error[] = [];
    for (let at = 0; at < 20 && refused.length === 0; at++)
      await post(`full-${at}`).catch((error: Error) => refused.push(error));
    assert.match(refused[0]?.message ?? "nothing was refused", /disk|space/);
    const read = await client.json<{ data: { text: string } }>("GET", "/api/v1/namespaces/default/configmaps/first");
    assert.equal(read.data.text.length, 500_000);
    rmSync(filler);
    let posted = 0;
    await eventually(() => post(`after-${++posted}`).then(() => true), {
      timeoutMs: 60_000,
      what: "a write after there is space again",
    });
    await agent.end("SIGKILL");
    await agent.startAgain();
    await client.json("GET", `/api/v1/namespaces/default/configmaps/after-${posted}`);
  } finally {
    client.close();
    await agent.stop();
  }
}

// A small disk of its own takes a mount, which a user without root cannot make.
if (process.getuid?.() === 0) {
  test("on a full disk writes are refused, reads go on, and with space again so do writes", fullDisk);
}
