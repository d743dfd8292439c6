import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodStatus } from "../../api/kinds.ts";
import { serveInMemory } from "../api-server.fixture.ts";
import type { PodLogOptions, PodLogs } from "../ports.ts";

const spec = (...names: string[]): NonNullable<Pod["spec"]> => ({
  containers: names.map((name) => ({ name, image: "busybox" })),
});
const running = { name: "main", ready: true, restartCount: 0, image: "busybox", imageID: "", state: { running: {} } };

async function podWith(options: { logs?: PodLogs; containers?: string[]; status?: PodStatus; bound?: boolean }) {
  const { logs, containers = ["main"], status, bound = true } = options;
  const server = await serveInMemory(logs ? { logs } : {});
  const ref = { namespace: "default", name: "web" };
  let pod = await server.objects.create("Pod", {
    metadata: { ...ref, labels: { app: "web" } },
    spec: spec(...containers),
  });
  if (bound) await server.objects.bind(ref, "node-1");
  if (status) pod = await server.objects.updateStatus("Pod", { ...pod, metadata: { ...ref }, status });
  const url = `${server.url}/api/v1/namespaces/default/pods/web`;
  return { server, url, pod };
}

const logRefusals: {
  title: string;
  query?: string;
  bound?: boolean;
  containers?: string[];
  status?: PodStatus;
  message: RegExp;
}[] = [
  { title: "of a pod without a node", bound: false, message: /^pod web does not have a host assigned$/ },
  {
    title: "of a container that starts",
    message: /^container "main" in pod "web" is waiting to start: ContainerCreating$/,
  },
  {
    title: "of an image that does not come",
    status: { containerStatuses: [{ ...running, state: { waiting: { reason: "ImagePullBackOff" } } }] },
    message: /is waiting to start: trying and failing to pull image$/,
  },
  {
    title: "of a container that is not there",
    query: "?container=no",
    message: /^container no is not valid for pod web$/,
  },
  {
    title: "of one of several containers",
    containers: ["main", "side"],
    message: /must be specified for pod web, choose one of: \[main side\]$/,
  },
  {
    title: "before the first run",
    query: "?previous=true",
    message: /^previous terminated container "main" in pod "web" not found$/,
  },
];
for (const { title, query = "", message, ...options } of logRefusals) {
  test(`the log ${title} is refused in the kubelet's words`, async () => {
    const { server, url } = await podWith(options);
    const answer = await fetch(`${url}/log${query}`);
    const { message: text, code } = (await answer.json()) as { message: string; code: number };
    await server.stop();
    assert.equal(code, 400);
    assert.match(text, message);
  });
}

test("a log is streamed as it comes, with the options asked for", async () => {
  const asked: PodLogOptions[] = [];
  const goOn = Promise.withResolvers<void>();
  async function* lines() {
    yield Buffer.from("one\n");
    await goOn.promise;
    yield Buffer.from("two\n");
  }
  const logs: PodLogs = { open: (_pod, options) => (asked.push(options), Promise.resolve(lines())) };
  const { server, url } = await podWith({ logs, status: { phase: "Running", containerStatuses: [running] } });
  const answer = await fetch(`${url}/log?follow=true&tailLines=5&timestamps=1`);
  assert.equal(answer.headers.get("content-type"), "text/plain");
  const pieces: string[] = [];
  for await (const piece of answer.body ?? []) {
    pieces.push(Buffer.from(piece as Uint8Array).toString());
    goOn.resolve();
  }
  await server.stop();
  assert.deepEqual(pieces, ["one\n", "two\n"]);
  assert.deepEqual(asked, [{ container: "main", follow: true, previous: false, timestamps: true, tailLines: 5 }]);
});

const budgets = [
  { title: "leaves enough", spec: { minAvailable: 0 }, code: 201 },
  { title: "wants them all", spec: { minAvailable: "100%" }, code: 429 },
  { title: "lets none go", spec: { maxUnavailable: 0 }, code: 429 },
  { title: "lets one go", spec: { maxUnavailable: 1 }, code: 201 },
];
for (const budget of budgets) {
  test(`an eviction under a budget that ${budget.title} answers ${budget.code}`, async () => {
    const conditions = [{ type: "Ready", status: "True" }];
    const { server, url } = await podWith({ status: { phase: "Running", conditions, containerStatuses: [running] } });
    const metadata = { namespace: "default", name: "web" };
    const selector = { matchLabels: { app: "web" } };
    await server.objects.create("PodDisruptionBudget", { metadata, spec: { selector, ...budget.spec } });
    const body = JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/eviction`, { method: "POST", headers, body });
    const deleted = server.objects.get("Pod", metadata)?.metadata?.deletionTimestamp !== undefined;
    await server.stop();
    assert.equal(answer.status, budget.code);
    assert.equal(deleted, budget.code === 201);
  });
}

test("a binding gives a pod its node once", async () => {
  const { server, url } = await podWith({ bound: false });
  const bind = (name: string) =>
    fetch(`${url}/binding`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name: "web" },
        target: { kind: "Node", name },
      }),
    });
  assert.equal((await bind("node-1")).status, 201);
  assert.equal((await bind("node-2")).status, 409);
  await server.stop();
});

test("what comes later says so instead of looking broken", async () => {
  const { server, url } = await podWith({});
  const answer = await fetch(`${url}/exec?command=ls`, { method: "POST" });
  const { message } = (await answer.json()) as { message: string };
  await server.stop();
  assert.deepEqual([answer.status, message], [405, "exec is not served by this version of Podman Swarm"]);
});
