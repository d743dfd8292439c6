import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import type { ApiClient } from "../../src/client/api-client.ts";
import { Lab } from "../lab/lab.ts";
import { canStartLabs, labTest } from "../lab/lab-test.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { WebApp } from "../support/web-app.ts";

let lab: Lab;
let host: LabHost;
let agent: AgentProcess;
let client: ApiClient;
let app: WebApp;

before(async () => {
  if (!canStartLabs) return;
  lab = await Lab.start();
  host = lab.host(1);
  // As with dnsmasq on the host: a resolver that only the host itself reaches.
  writeFileSync(join(host.folder, "etc/resolv.conf"), "nameserver 127.0.0.2\n");
  const resolver = host.path(join(import.meta.dirname, "one-name-resolver.ts"));
  const command = [host.path(process.execPath), resolver, "127.0.0.2", "192.0.2.77"] as const;
  const started = host.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  await once(started.stdout ?? started, "data");
  agent = await AgentProcess.start({ place: { host, user: "unprivileged" } });
  client = agent.client();
  app = await WebApp.deploy(agent, client);
});

after(async () => {
  client?.close();
  await agent?.stop();
  await lab?.stop();
});

/** Runs a command in the first of the app's containers. */
async function inPod(...command: string[]): Promise<string> {
  const [first = ""] = await app.containers();
  return await host.runAsUser(["podman", "exec", containerId(first), ...command]);
}

/** Of a line of `app.containers()`. */
function containerId(line: string): string {
  return /podman:\/\/(\w+)/.exec(line)?.[1] ?? "";
}

async function answersAgain(): Promise<void> {
  const check = async (): Promise<boolean> => (await app.fetch()).includes("Hello from");
  await eventually(check, { timeoutMs: 60_000, what: "the ingress again" });
}

/** What the first of the app's containers gets at this address. A question that is lost is asked again. */
async function page(address: string): Promise<string> {
  const get = (): Promise<string> => inPod("timeout", "10", "wget", "-qO-", `http://${address}/cgi-bin/index.cgi`);
  return await eventually(get, { timeoutMs: 60_000, what: `the page at ${address}` });
}

/** Resolves once the first of the app's containers finds this name at this address. */
async function finds(name: string, address: string): Promise<void> {
  const check = async (): Promise<boolean> => (await inPod("nslookup", name)).includes(address);
  await eventually(check, { timeoutMs: 60_000, what: `${name} at ${address}` });
}

labTest("no process of the node is root's, and the dataplane has no capabilities in its user namespace either", () => {
  for (const pid of [agent.pid, agent.pidOf("run-agent"), agent.pidOf("run-dataplane")]) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const uids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split("\t") ?? [];
    assert.ok(uids.length === 4 && !uids.includes("0"), uids.join());
    assert.match(status, /^CapEff:\s+0+$/m);
    assert.match(status, /^CapPrm:\s+0+$/m);
  }
  assert.match(readFileSync(`/proc/${agent.pidOf("run-dataplane")}/status`, "utf8"), /^NoNewPrivs:\s+1$/m);
});

labTest("a pod reaches the service by its name, its virtual address, and itself through it", async () => {
  const { spec } = await client.json<{ spec: { clusterIP: string } }>("GET", "/api/v1/namespaces/default/services/web");
  await finds("web.default.svc.cluster.local", spec.clusterIP);
  const seen = new Set<string>();
  const both = async (): Promise<boolean> => seen.add(await page(spec.clusterIP)).size === 2;
  await eventually(both, { timeoutMs: 60_000, what: "an answer of each pod, so also one of each to itself" });
  assert.match(await page("web"), /Hello from/);
});

labTest("names elsewhere are asked from the host's resolver, although it listens on the host's loopback", () =>
  finds("example.org", "192.0.2.77"),
);

labTest("the ingress answers on the host's own address", async () => {
  assert.match(await app.fetch(), /Hello from/);
  const ask = `fetch("http://${host.address}:${agent.ingressPort}/healthz").then((answer) => console.log(answer.status))`;
  assert.equal((await host.run([host.path(process.execPath), "-e", ask])).trim(), "404", "no rule for that host name");
});

labTest("logs and the exit code of a container that ends come through", async () => {
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "once" },
    spec: {
      restartPolicy: "Never",
      containers: [
        { name: "main", image: "localhost/podman-swarm/busybox:1", command: ["sh", "-c", "id -u; echo said; exit 3"] },
      ],
    },
  };
  const path = "/api/v1/namespaces/default/pods";
  await client.json("POST", path, { body });
  type Ended = { status: { containerStatuses?: { state: { terminated?: { exitCode: number } } }[] } };
  const ended = async (): Promise<number | undefined> =>
    (await client.json<Ended>("GET", `${path}/once`)).status.containerStatuses?.[0]?.state.terminated?.exitCode;
  assert.equal(await eventually(ended, { timeoutMs: 60_000, what: "the end of the container" }), 3);
  const psctl = host.path(join(import.meta.dirname, "../../src/cli/main.ts"));
  const logs = ["logs", "once", `--kubeconfig=${agent.kubeconfig}`];
  assert.equal(await host.runAsUser([host.path(process.execPath), psctl, ...logs]), "0\nsaid\n");
});

labTest(
  "a limit that this host cannot enforce for a user is told: on the node, and on the pod that wants it",
  async () => {
    if (!(await host.runAsUser(["podman", "info", "--format={{.Host.CgroupsVersion}}"])).includes("v1")) return;
    const body = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "limited" },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "main",
            image: "localhost/podman-swarm/busybox:1",
            command: ["sleep", "1000"],
            resources: { limits: { memory: "64Mi" } },
          },
        ],
      },
    };
    await client.json("POST", "/api/v1/namespaces/default/pods", { body });
    type Events = { items: { type: string; reason: string; message: string; involvedObject: { name: string } }[] };
    const told = async (name: string, message: RegExp): Promise<boolean> =>
      (await client.json<Events>("GET", "/api/v1/events")).items.some(
        (event) => event.type === "Warning" && event.involvedObject.name === name && message.test(event.message),
      );
    await eventually(() => told("limited", /limit/), { what: "a warning about the pod" });
    await eventually(() => told("node1", /cgroups: .*limits .* ignored; fix: /), { what: "a warning about the node" });
  },
);

labTest("kill -9 of the agent touches no container and no connection", async () => {
  const before = await app.containers();
  const pid = agent.pidOf("run-agent");
  process.kill(pid, "SIGKILL");
  for (let at = 0; at < 10; at++) assert.match(await app.fetch(), /Hello from/);
  await eventually(() => fetch(`${agent.httpUrl}/readyz`).then(({ ok }) => ok), { timeoutMs: 60_000, what: "the API" });
  assert.notEqual(agent.pidOf("run-agent"), pid);
  await app.ready(2);
  assert.deepEqual(await app.containers(), before);
});

labTest("kill -9 of the dataplane, or of what wraps it, is over soon; services go on meanwhile", async () => {
  const before = await app.containers();
  const { spec } = await client.json<{ spec: { clusterIP: string } }>("GET", "/api/v1/namespaces/default/services/web");
  process.kill(agent.pidOf("run-dataplane"), "SIGKILL");
  const get = ["wget", "-qO-", `http://${spec.clusterIP}/cgi-bin/index.cgi`] as const;
  assert.match(await inPod("timeout", "30", ...get), /Hello from/);
  await answersAgain();
  const wrapper = agent.wrapperOf("run-dataplane");
  process.kill(wrapper, "SIGKILL");
  // What it has wrapped may answer for a moment longer.
  const another = (): boolean => agent.wrapperOf("run-dataplane") !== wrapper;
  await eventually(another, { timeoutMs: 60_000, what: "another dataplane" });
  await answersAgain();
  await finds("web.default.svc.cluster.local", spec.clusterIP);
  await finds("example.org", "192.0.2.77");
  assert.deepEqual(await app.containers(), before);
});

labTest(
  "kill -9 of the supervisor and an ordinary stop leave the containers, and a new one takes them up",
  async () => {
    const before = await app.containers();
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await agent.end(signal);
      const running = await host.runAsUser(["podman", "ps", "--no-trunc", "--quiet"]);
      for (const id of before.map(containerId)) assert.ok(running.includes(id), `${id} runs without the node`);
      await agent.startAgain();
      await app.ready(2);
      assert.deepEqual(await app.containers(), before);
      assert.match(await page("web"), /Hello from/);
    }
  },
);

labTest("what was deployed can be removed, and nothing of it stays", async () => {
  await app.remove();
  const pods = "/api/v1/namespaces/default/pods";
  const { items } = await client.json<{ items: { metadata: { name: string } }[] }>("GET", pods);
  for (const { metadata } of items) await client.json("DELETE", `${pods}/${metadata.name}`);
  const filter = "--filter=label=io.podman-swarm.pod-name";
  const left = (): Promise<string> => host.runAsUser(["podman", "ps", "--all", "--quiet", filter]);
  await eventually(async () => (await left()) === "", { timeoutMs: 60_000, what: "no containers" });
});
