import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "../../src/api/kinds.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { IMAGE } from "./support/podman-node.ts";

const PODS = "/api/v1/namespaces/default/pods";

let lab: Lab;
let host: LabHost;
let agent: AgentProcess;
let client: ApiClient;

before(async () => {
  lab = await Lab.start();
  host = lab.host(1);
  await startAgent("first");
});
after(async () => {
  client?.close();
  await agent?.stop();
  await lab?.stop();
});

async function startAgent(directory: string): Promise<void> {
  agent = await AgentProcess.start({ place: { host, user: "root" }, dataDir: join(host.folder, directory) });
  client = agent.client();
}

async function apply(name: string, spec: object): Promise<void> {
  const body = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
  await client.json("POST", PODS, { body });
}

async function until(name: string, phase: string): Promise<Pod> {
  let pod: Pod = {};
  const look = async (): Promise<boolean> => {
    pod = await client.json<Pod>("GET", `${PODS}/${name}`);
    return pod.status?.phase === phase;
  };
  await eventually(look, { timeoutMs: 60_000, what: `${name} ${phase}` });
  return pod;
}

test("a pod whose container has its name runs, as `kubectl run` makes it", async () => {
  await apply("once", { restartPolicy: "Never", containers: [{ name: "once", image: IMAGE, command: ["true"] }] });
  await until("once", "Succeeded");
});

test("a pod of the host's network finds services by name when it asks for the cluster's DNS", async () => {
  const command = ["nslookup", "kubernetes.default.svc.cluster.local"];
  const containers = [{ name: "a", image: IMAGE, command }];
  await apply("names", {
    restartPolicy: "OnFailure",
    hostNetwork: true,
    dnsPolicy: "ClusterFirstWithHostNet",
    containers,
  });
  await until("names", "Succeeded");
});

test("an agent that lost its data directory leaves what runs alone, and runs new pods beside it", async () => {
  const containers = [{ name: "web", image: IMAGE, command: ["sleep", "600"] }];
  await apply("old", { terminationGracePeriodSeconds: 0, containers });
  const old = await until("old", "Running");
  const id = old.status?.containerStatuses?.[0]?.containerID?.replace("podman://", "") ?? "";
  client.close();
  await agent.stop();
  await startAgent("second");
  await apply("new", { terminationGracePeriodSeconds: 0, containers });
  const now = await until("new", "Running");
  assert.equal((await host.run(["podman", "inspect", "--format={{.State.Running}}", id])).trim(), "true");
  assert.notEqual(now.status?.podIP, old.status?.podIP);
  const how = /podman pod rm --force --time 0 \$\(podman pod ls --quiet --filter label=/;
  await eventually(() => how.test(agent.output), { what: "a word about the old pod" });
});
