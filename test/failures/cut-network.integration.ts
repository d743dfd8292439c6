import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { ApiClient } from "../../src/client/api-client.ts";
import { canStartLabs } from "../lab/lab-test.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { WebApp } from "../support/web-app.ts";

let lab: Lab;
let agent: AgentProcess;
let client: ApiClient;
let app: WebApp;

/** Prints the status of the page that an HTTP address gives for `HOST`, or fails when nothing comes for ten seconds. */
const GET =
  'require("node:http").get(process.argv[1], { headers: { host: "web.test" }, timeout: 10000 }, (answer) => {' +
  "  console.log(answer.statusCode); process.exit(0); }).on('timeout', () => process.exit(1));";

const ingressUrl = (): string => `http://${lab.host(1).address}:${agent.ingressPort}/cgi-bin/index.cgi`;

/** What a client behind the lab's switch gets from the node's ingress. */
async function seenOutside(): Promise<string> {
  const [program = "", ...args] = lab.onSwitch([process.execPath, "-e", GET, ingressUrl()]);
  return (await promisify(execFile)(program, args)).stdout.trim();
}

/** What the page shows to a program of the host itself that asks for this URL. */
async function seenOnHost(url: string): Promise<string> {
  return (await agent.run([process.execPath, "-e", GET, url])).trim();
}

/** What a pod gets from the service by its name. A question that is lost is asked again. */
async function seenInPod(containerLine: string): Promise<string> {
  const containerId = containerLine.split(" ")[1]?.replace("podman://", "") ?? "";
  const get = ["timeout", "10", "wget", "-qO-", "http://web/cgi-bin/index.cgi"];
  const ask = (): Promise<string> => agent.run(["podman", "exec", containerId, ...get]);
  return await eventually(ask, { timeoutMs: 60_000, what: "the service by its name" });
}

interface Conditions {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

const isReady = async (): Promise<boolean> => {
  const { status } = await client.json<Conditions>("GET", "/api/v1/nodes/node1");
  return status.conditions.some((one) => one.type === "Ready" && one.status === "True");
};

if (canStartLabs) {
  before(async () => {
    lab = await Lab.start();
    agent = await AgentProcess.start({ place: { host: lab.host(1), user: "root" } });
    client = agent.client();
    app = await WebApp.deploy(agent, client);
  });

  after(async () => {
    client?.close();
    await agent?.stop();
    await lab?.stop();
  });

  test("with its network cut a node goes on for itself: writes, new pods, ingress and services", async () => {
    assert.equal(await seenOutside(), "200");
    const before = await app.containers();
    const { spec } = await client.json<{ spec: { clusterIP: string } }>(
      "GET",
      "/api/v1/namespaces/default/services/web",
    );
    lab.host(1).cut();
    await assert.rejects(seenOutside());

    const body = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "cut" },
      data: { written: "during the cut" },
    };
    await client.json("POST", "/api/v1/namespaces/default/configmaps", { body });
    await client.json("PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale", {
      body: { spec: { replicas: 3 } },
      contentType: "application/merge-patch+json",
    });
    await app.ready(3);
    assert.equal(await seenOnHost(ingressUrl()), "200");
    assert.equal(await seenOnHost(`http://${spec.clusterIP}/cgi-bin/index.cgi`), "200");
    const during = await app.containers();
    for (const line of during) assert.match(await seenInPod(line), /Hello from/);
    for (const line of before) assert.ok(during.includes(line), `${line} is still there`);
    assert.equal(await isReady(), true);
  });

  test("once its network is back the same containers run, and everybody reaches them again", async () => {
    const before = await app.containers();
    assert.equal(before.length, 3);
    lab.host(1).heal();
    await eventually(async () => (await seenOutside()) === "200", { timeoutMs: 60_000, what: "an answer outside" });
    await app.ready(3);
    assert.deepEqual(await app.containers(), before);
    const path = "/api/v1/namespaces/default/configmaps/cut";
    const { data } = await client.json<{ data: Record<string, string> }>("GET", path);
    assert.deepEqual(data, { written: "during the cut" });
    assert.equal(await isReady(), true);
  });
}
