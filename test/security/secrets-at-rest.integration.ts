import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { filesWith } from "../support/files-with.ts";

const WORD = "correct-horse-battery";

let lab: Lab;
let agent: AgentProcess;

before(async () => {
  lab = await Lab.start({ hosts: 1 });
  agent = await AgentProcess.start({ place: { host: lab.host(1), user: "root" } });
});

after(async () => {
  await agent?.stop();
  await lab?.stop();
});

test("a Secret lies readable nowhere in the data directory, and the agent refuses to start without its key", async () => {
  const client = agent.client();
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", annotations: { note: WORD } },
    stringData: { password: WORD },
  };
  const { signal } = new AbortController();
  await client.json("POST", "/api/v1/namespaces/default/secrets", { body, signal });
  const readable = (): string[] => filesWith(agent.dataDir, [WORD, Buffer.from(WORD).toString("base64")]);
  assert.deepEqual(readable(), []);
  await agent.end();
  assert.deepEqual(readable(), []);
  const file = join(agent.dataDir, "data.key");
  const kept = readFileSync(file);
  rmSync(file);
  await assert.rejects(agent.startAgain(), /the data key is missing: put .*data\.key back/);
  writeFileSync(file, kept, { mode: 0o600 });
  await agent.startAgain();
  const again = await client.json("GET", "/api/v1/namespaces/default/secrets/db", { signal });
  assert.deepEqual((again as { data: unknown }).data, { password: Buffer.from(WORD).toString("base64") });
  client.close();
});

test("a backup brings no revoked token back", async () => {
  const token = `psw_0123456789_${"x".repeat(43)}`;
  const answer = async (): Promise<number> => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(`${agent.httpUrl}/api/v1/secrets`, { headers })).status;
  };
  const record = {
    apiVersion: "podman-swarm.io/v1",
    kind: "ApiToken",
    metadata: { name: "0123456789", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { name: "revoked", hash: createHash("sha256").update(token).digest("hex") },
  };
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kept", namespace: "default" } };
  const resources = { "apitokens.podman-swarm.io": { "0123456789": record }, configmaps: { "default/kept": map } };
  await agent.end();
  writeFileSync(join(agent.dataDir, "state.json"), JSON.stringify({ resources }));
  await agent.startAgain();
  const client = agent.client();
  await client.json("GET", "/api/v1/namespaces/default/configmaps/kept");
  client.close();
  await eventually(() => /Not restored.*apitokens/.test(agent.output), { what: "a line about the token" });
  assert.equal(await answer(), 401);
});
