import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { LABEL } from "../../src/runtime/podman/labels.ts";
import { PodmanRuntime } from "../../src/runtime/podman/podman-runtime.ts";
import { eventually } from "../poll.ts";
import { MemoryObjects } from "./support/memory-objects.ts";
import { IMAGE, isReady, PodmanNode } from "./support/podman-node.ts";

let node: PodmanNode;
before(async () => void (node = await PodmanNode.start(5)));
after(() => node?.stop());

const spec = {
  nodeName: "node-1",
  terminationGracePeriodSeconds: 0,
  containers: [{ name: "web", image: IMAGE, command: ["sleep", "600"] }],
};

async function readyPod(objects: MemoryObjects, name: string): Promise<string> {
  await objects.create("Pod", { metadata: { name, namespace: "default" }, spec });
  await eventually(() => objects.list("Pod").some((pod) => pod.metadata?.name === name && isReady(pod)), {
    timeoutMs: 60_000,
    what: `${name} ready`,
  });
  return containerOf(objects, name);
}

function containerOf(objects: MemoryObjects, name: string): string {
  const status = objects.get("Pod", { namespace: "default", name })?.status?.containerStatuses?.[0];
  return status?.containerID?.replace("podman://", "") ?? "";
}

async function runs(id: string): Promise<boolean> {
  const { State: state } = await node.http.json<{ State: { Running: boolean } }>({ path: `/containers/${id}/json` });
  return state.Running;
}

async function podsOf(id: string): Promise<number> {
  const filters = JSON.stringify({ label: [`${LABEL.node}=${id}`] });
  return (await node.http.json<unknown[] | undefined>({ path: "/pods/json", query: { filters } }))?.length ?? 0;
}

test("two nodes of the same name on one Podman leave each other's pods alone", async () => {
  const first = new MemoryObjects();
  const second = new MemoryObjects();
  const told: string[] = [];
  const aboutFirst = `label=${LABEL.node}=${node.networkName}-first`; // Others may have pods on this machine, too.
  const log = createLogger({ format: "json", write: (line) => line.includes(aboutFirst) && told.push(line) });
  node.startAgent({ id: `${node.networkName}-first`, objects: first });
  const kept = await readyPod(first, "web");

  node.startAgent({ id: `${node.networkName}-second`, objects: second, log });
  const twin = await readyPod(second, "web");
  assert.notEqual(twin, kept);
  await eventually(() => told.length > 0, { what: "a word about the first's pods" });

  // The second's removal of what it does not know has had its chance, and so has the first's.
  await second.delete("Pod", { namespace: "default", name: "web" });
  await eventually(async () => (await podsOf(`${node.networkName}-second`)) === 0, {
    timeoutMs: 60_000,
    what: "no twin",
  });
  assert.ok(await runs(kept));
  assert.equal(containerOf(first, "web"), kept);
  assert.equal(told.length, 1, told.join("\n"));
  const said = JSON.parse(told[0] ?? "{}") as { pods: number; toRemoveThem: string };
  assert.equal(said.pods, 1);
  assert.match(said.toRemoveThem, /^podman pod rm /u);
});

test("a pod whose address another node's pod has gets another one", async () => {
  const objects = new MemoryObjects();
  node.startAgent({ id: `${node.networkName}-addresses`, objects });
  await readyPod(objects, "probe");
  const ipOf = (name: string) => objects.get("Pod", { namespace: "default", name })?.status?.podIP ?? "";
  const [, base = "", last = ""] = /^(.*\.)(\d+)$/.exec(ipOf("probe")) ?? [];
  const next = (by: number): string => `${base}${Number(last) + by}`;
  const deps = { http: node.http, clock: systemClock, log: node.log };
  const foreign = await new PodmanRuntime({ ...deps, node: "foreign" }).createSandbox(
    {
      pod: { uid: "foreign", namespace: "default", name: "foreign" },
      attempt: 0,
      hostname: "foreign",
      network: { name: node.networkName, ip: next(1) },
      ports: [],
      sysctls: {},
      sharePids: false,
    },
    new AbortController().signal,
  );
  await readyPod(objects, "second");
  assert.equal(ipOf("second"), next(2));
  await node.http.json({ method: "DELETE", path: `/pods/${foreign.id}`, query: { force: true, timeout: 0 } });
  await node.stopAgent();
});

test("a node that lost its data directory leaves the old pods alone; one that kept it takes them up", async () => {
  const objects = new MemoryObjects();
  const id = `${node.networkName}-kept`;
  node.startAgent({ id, objects });
  const container = await readyPod(objects, "old");
  await node.stopAgent();

  node.startAgent({
    id: `${node.networkName}-lost`,
    objects: new MemoryObjects(),
    log: createLogger({ level: "error" }),
  });
  const known = new MemoryObjects();
  node.startAgent({ id: `${node.networkName}-also-lost`, objects: known, log: createLogger({ level: "error" }) });
  await readyPod(known, "new");
  assert.ok(await runs(container));
  await node.stopAgent();

  node.startAgent({ id, objects });
  await objects.delete("Pod", { namespace: "default", name: "old" });
  await eventually(async () => (await podsOf(id)) === 0, { timeoutMs: 60_000, what: "its own pod removed" });
});
