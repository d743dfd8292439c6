import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Deployment } from "../../src/api/kinds.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { WebApp } from "../support/web-app.ts";

let agent: AgentProcess;
let client: ApiClient;
let app: WebApp;

before(async () => {
  agent = await AgentProcess.start();
  client = agent.client();
  app = await WebApp.deploy(agent, client);
});

after(async () => {
  try {
    await app?.remove();
  } finally {
    client?.close();
    await agent?.stop();
  }
});

async function apiAnswers(): Promise<void> {
  const check = async (): Promise<boolean> => (await fetch(`${agent.httpUrl}/readyz`)).ok;
  await eventually(check, { timeoutMs: 60_000, what: "a ready API" });
}

test("kill -9 of the agent touches no container and no connection, and the API is back", async () => {
  const before = await app.containers();
  const pid = agent.pidOf("run-agent");
  process.kill(pid, "SIGKILL");
  for (let at = 0; at < 20; at++)
    assert.match(await app.fetch(), /Hello from/, "the ingress goes on without the agent");
  await apiAnswers();
  assert.notEqual(agent.pidOf("run-agent"), pid);
  await app.ready(2);
  assert.deepEqual(await app.containers(), before);
});

test("a rollout ends although the agent is killed whenever a container has just started", async () => {
  const deployment = "/apis/apps/v1/namespaces/default/deployments/web";
  const containers = ["podman", "ps", "--quiet", "--filter=label=io.podman-swarm.container"] as const;
  const running = async (): Promise<string[]> => (await agent.run(containers)).split("\n").filter((id) => id !== "");
  const known = new Set(await running());
  const body = { spec: { template: { metadata: { annotations: { rollout: "1" } } } } };
  await client.json("PATCH", deployment, { body, contentType: "application/merge-patch+json" });
  for (let kills = 0; kills < 2; kills++) {
    const fresh = async (): Promise<string | undefined> => (await running()).find((id) => !known.has(id));
    known.add((await eventually(fresh, { timeoutMs: 60_000, what: "a new container" })) ?? "");
    process.kill(agent.pidOf("run-agent"), "SIGKILL");
    await apiAnswers();
  }
  const ended = async (): Promise<boolean> => {
    const { metadata, status } = await client.json<Deployment>("GET", deployment);
    if (status?.observedGeneration !== metadata?.generation) return false;
    return [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every((count) => count === 2);
  };
  await eventually(ended, { timeoutMs: 60_000, what: "the end of the rollout" });
  await app.ready(2);
});

test("kill -9 of the dataplane is soon over, and the API does not notice", async () => {
  const before = await app.containers();
  process.kill(agent.pidOf("run-dataplane"), "SIGKILL");
  assert.ok((await fetch(`${agent.httpUrl}/readyz`)).ok);
  await eventually(async () => (await app.fetch()).includes("Hello"), { timeoutMs: 60_000, what: "the ingress again" });
  assert.deepEqual(await app.containers(), before);
});

test("kill -9 of the supervisor ends its children, and a new one takes everything up as it was", async () => {
  const before = await app.containers();
  await agent.end("SIGKILL");
  await agent.startAgain();
  await app.ready(2);
  assert.deepEqual(await app.containers(), before);
});

test("a node that starts, or starts again, is not said to be unready meanwhile", async () => {
  const path = "/api/v1/events?fieldSelector=involvedObject.kind=Node";
  const { items } = await client.json<{ items: { reason: string; message: string }[] }>("GET", path);
  assert.ok(items.some(({ reason }) => reason === "NodeReady"));
  assert.deepEqual(
    items.filter(({ reason }) => reason === "NodeNotReady").map(({ message }) => message),
    [],
  );
});

test("kill -9 of a container's process is seen and the container is started again", async () => {
  const names = (await app.containers()).map((line) => line.split(" ")[0] ?? "");
  const containerId = (await app.containers())[0]?.split(" ")[1]?.replace("podman://", "") ?? "";
  const pid = await agent.run(["podman", "inspect", "--format={{.State.Pid}}", containerId]);
  await agent.run(["kill", "-KILL", pid.trim()]);
  const restarted = async (): Promise<boolean> =>
    (await app.containers()).some((line) => line.startsWith(names[0] ?? "") && line.endsWith(" 1"));
  await eventually(restarted, { timeoutMs: 60_000, everyMs: 100, what: "a restart count of 1" });
  await app.ready(2);
});

test("a container that is removed behind our back comes again", async () => {
  const containerId = (await app.containers())[1]?.split(" ")[1]?.replace("podman://", "") ?? "";
  await agent.run(["podman", "rm", "--force", "--time=0", containerId]);
  await eventually(async () => !(await app.containers()).some((line) => line.includes(containerId)), {
    timeoutMs: 60_000,
    everyMs: 100,
    what: "another container",
  });
  await app.ready(2);
});

test("kill -9 of Podman's service touches no container, and work goes on with a new one", async () => {
  const before = await app.containers();
  const service = await eventually(() => podmanServiceOf(agent.pidOf("run-agent")), { what: "Podman's service" });
  process.kill(service, "SIGKILL");
  assert.match(await app.fetch(), /Hello from/);
  await client.json("PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale", {
    body: { spec: { replicas: 3 } },
    contentType: "application/merge-patch+json",
  });
  await app.ready(3);
  const now = await app.containers();
  for (const line of before) assert.ok(now.includes(line), `${line} is still there`);
});

/** The service that the agent itself has started. */
function podmanServiceOf(agentPid: number): number {
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      if (parent === agentPid && command.includes("system") && command.includes("service")) return Number(entry);
    } catch {
      continue; // It ended while we looked.
    }
  }
  throw new Error("Cannot find the Podman service below the agent");
}
