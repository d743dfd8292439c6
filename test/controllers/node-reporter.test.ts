import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeReading } from "../../src/api/node-reading.ts";
import { NodeReporter } from "../../src/controllers/node/node-reporter.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { eventually } from "../poll.ts";
import { localObjects } from "./local-objects.ts";

const READING: NodeReading = {
  capacity: { cpu: "4", memory: "8Gi", "ephemeral-storage": "10Gi", pods: "110" },
  allocatable: { cpu: "4", memory: "7Gi", "ephemeral-storage": "9Gi", pods: "110" },
  nodeInfo: {
    architecture: "amd64",
    bootID: "b",
    containerRuntimeVersion: "podman://4.3.1",
    kernelVersion: "6.1",
    kubeProxyVersion: "",
    kubeletVersion: "v1.33.0",
    machineID: "m",
    operatingSystem: "linux",
    osImage: "Debian",
    systemUUID: "s",
  },
  addresses: [{ type: "InternalIP", address: "192.0.2.1" }],
  images: [],
  memoryPressure: { pressed: false },
  diskPressure: { pressed: false },
  pidPressure: { pressed: false },
  notReady: [],
};

test("a node registers itself, keeps users' labels, renews its lease and says when Podman is gone", async (t) => {
  const objects = await localObjects(t);
  await objects.create("Namespace", { metadata: { name: "kube-node-lease" } });
  let reading: NodeReading | Error = READING;
  const events: string[] = [];
  const reporter = new NodeReporter(
    {
      objects,
      facts: { read: () => (reading instanceof Error ? Promise.reject(reading) : Promise.resolve(reading)) },
      recorder: { record: ({ reason }) => void events.push(reason) },
      clock: systemClock,
      logger: silentLogger,
      identity: { name: "n1", labels: { zone: "a" } },
    },
    { heartbeatMs: 20 },
  );
  const stop = new AbortController();
  const running = reporter.run(stop.signal);
  const node = () => objects.get("Node", { name: "n1" });
  const ready = () => node()?.status?.conditions?.find(({ type }) => type === "Ready");
  await eventually(() => ready()?.status === "True");
  const labels = {
    "kubernetes.io/hostname": "n1",
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    zone: "a",
  };
  for (const [name, value] of Object.entries(labels)) assert.equal(node()?.metadata?.labels?.[name], value);
  const lease = () => objects.get("Lease", { namespace: "kube-node-lease", name: "n1" });
  const first = await eventually(() => lease()?.spec?.renewTime);
  await eventually(() => lease()?.spec?.renewTime !== first);

  await eventually(async () => {
    const current = node();
    assert.ok(current);
    await objects.update("Node", { ...current, metadata: { ...current.metadata, labels: { zone: "b", mine: "yes" } } });
    return true;
  });
  await eventually(() => node()?.metadata?.labels?.["zone"] === "a" && node()?.metadata?.labels?.["mine"] === "yes");

  const version = node()?.metadata?.resourceVersion;
  const renewed = lease()?.spec?.renewTime;
  await eventually(() => lease()?.spec?.renewTime !== renewed);
  assert.equal(node()?.metadata?.resourceVersion, version, "an unchanged status was written again");

  reading = { ...READING, notReady: ["Podman does not answer"] };
  await eventually(() => ready()?.status === "False");
  assert.equal(ready()?.message, "Podman does not answer");
  reading = new Error("no /proc");
  await eventually(() => /no \/proc/.test(ready()?.message ?? ""));
  reading = READING;
  await eventually(() => ready()?.status === "True");
  stop.abort();
  await running;
  assert.deepEqual(events, ["Starting", "NodeReady", "NodeNotReady", "NodeReady"]);
});
