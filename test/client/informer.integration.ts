import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CoreV1Api, KubeConfig, makeInformer, Watch } from "@kubernetes/client-node";
import { systemClock } from "../../src/lib/clock.ts";
import { describeError } from "../../src/lib/log.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";

let agent: AgentProcess;
let config: KubeConfig;
let core: CoreV1Api;

before(async () => {
  agent = await AgentProcess.start({ flags: ["--node-name=node1", "--enable-ingress=false"] });
  config = new KubeConfig();
  config.loadFromFile(agent.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});

after(async () => {
  await agent?.stop();
});

const namespace = "default";

function configMap(name: string): { metadata: { name: string; labels: { test: string } } } {
  return { metadata: { name, labels: { test: "informer" } } };
}

test("the official client creates, lists with a selector, replaces and deletes", async () => {
  await core.createNamespacedConfigMap({ namespace, body: { ...configMap("plain"), data: { a: "1" } } });
  const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: "test=informer" });
  assert.deepEqual(
    items.map((item) => item.metadata?.name),
    ["plain"],
  );
  const [first] = items;
  assert.ok(first?.metadata?.creationTimestamp instanceof Date);
  await core.replaceNamespacedConfigMap({ namespace, name: "plain", body: Object.assign(first, { data: { a: "2" } }) });
  assert.equal((await core.readNamespacedConfigMap({ namespace, name: "plain" })).data?.["a"], "2");
  // `first` still carries the version from before the replacement.
  await assert.rejects(core.replaceNamespacedConfigMap({ namespace, name: "plain", body: first }), /409/);
  await core.deleteNamespacedConfigMap({ namespace, name: "plain" });
  await assert.rejects(core.readNamespacedConfigMap({ namespace, name: "plain" }), /404/);
});

test("an informer goes on through a restart of the agent and misses nothing", async () => {
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
    core.listNamespacedConfigMap({ namespace }),
  );
  const seen = new Set<string>();
  const deleted = new Set<string>();
  informer.on("add", (object) => seen.add(object.metadata?.name ?? ""));
  informer.on("delete", (object) => deleted.add(object.metadata?.name ?? ""));
  // client-node's informer stops at an error and leaves starting it again to its user.
  const restart = (): void => void informer.start().catch(restartLater);
  const restartLater = (): void => void systemClock.timer(200, restart);
  informer.on("error", restartLater);
  await informer.start();
  try {
    await core.createNamespacedConfigMap({ namespace, body: configMap("before") });
    await eventually(() => seen.has("before"), { what: "an object before the restart" });
    process.kill(agent.pidOf("run-agent"), "SIGKILL");
    let written = 0;
    const write = async (): Promise<string> => {
      // One whose answer was lost may be there.
      const name = `after-${++written}`;
      await core.createNamespacedConfigMap({ namespace, body: configMap(name) });
      return name;
    };
    const after = await eventually(write, { timeoutMs: 60_000, what: "a write after the restart" });
    await core.deleteNamespacedConfigMap({ namespace, name: "before" });
    await eventually(() => seen.has(after) && deleted.has("before"), {
      timeoutMs: 60_000,
      what: "both changes at the informer",
    });
  } finally {
    await informer.stop();
  }
});

test("a watch from a version before the restart delivers what came between", async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  await core.createNamespacedConfigMap({ namespace, body: configMap("between") });
  await agent.end();
  await agent.startAgain();
  const seen: string[] = [];
  const controller = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion: metadata?.resourceVersion },
    (phase, { metadata: { name }, message }: { metadata: { name?: string }; message?: string }) =>
      seen.push(`${phase} ${name ?? message}`),
    (error: unknown) => seen.push(`ENDED ${describeError(error ?? "without an error")}`),
  );
  try {
    await eventually(() => seen.length > 0, { what: "the event from before the restart" });
    assert.equal(seen[0], "ADDED between");
  } finally {
    controller.abort();
  }
});
