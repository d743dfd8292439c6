import assert from "node:assert/strict";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import type { ApiClient } from "../../src/client/api-client.ts";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { memberList } from "../support/member-lists.ts";

/** A real agent, and on another host members that the cluster must not take: both sides say why. */
const AGENT = "10.99.0.1:7946";
const key = Buffer.alloc(32, 5).toString("base64");

interface Events {
  readonly items: readonly { readonly reason: string; readonly type: string; readonly message: string }[];
}

let lab: Lab;
let agent: AgentProcess;
let client: ApiClient;
let cluster: string;

before(async () => {
  lab = await Lab.start({ hosts: 3 });
  const place = { host: lab.host(1), user: "root" } as const;
  agent = await AgentProcess.start({ place, flags: ["--node-name=n1"] });
  client = agent.client();
  ({ cluster } = await client.json<{ cluster: string }>("GET", "/api/v1/members"));
});

after(async () => {
  client?.close();
  await agent?.stop();
  await lab?.stop();
});

/** A member of ours that asks to join; what it answers and logs. */
async function stranger(host: LabHost, config: { keys: readonly string[]; label: string }): Promise<string> {
  const script = host.path(fileURLToPath(new URL("interop/member-process.ts", import.meta.url)));
  const all = { name: "stranger", bind: { host: host.address, port: 7946 }, ...config };
  const child = host.spawn([host.path(process.execPath), script, JSON.stringify(all)]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += String(chunk)));
  child.stdin?.write(`${JSON.stringify({ do: "join", value: AGENT })}\n`);
  await eventually(() => said.includes("Cannot join"), { what: "a refusal", timeoutMs: 20_000 });
  const ended = once(child, "close");
  child.stdin?.end();
  await ended;
  return said;
}

async function seenEvent(reason: string, message: RegExp): Promise<void> {
  const check = async (): Promise<boolean> => {
    const { items } = await client.json<Events>("GET", "/api/v1/namespaces/default/events");
    return items.some((one) => one.reason === reason && one.type === "Warning" && message.test(one.message));
  };
  await eventually(check, { what: `an Event ${reason}`, timeoutMs: 20_000 });
}

async function counted(labels: string): Promise<void> {
  const text = await client.text("GET", "/metrics");
  assert.match(text, new RegExp(`^podman_swarm_gossip_refused_total\\{${labels}\\} [1-9]`, "m"));
}

const strangers: readonly [string, () => { keys: string[]; label: string }, { reason: string; likely: RegExp }][] = [
  ["the wrong key", () => ({ keys: [key], label: cluster }), { reason: "WrongKey", likely: /different gossip keys/ }],
  ["no key", () => ({ keys: [], label: cluster }), { reason: "PlainText", likely: /does not encrypt/ }],
  [
    "another cluster's label",
    () => ({ keys: [key], label: "x" }),
    { reason: "OtherLabel", likely: /different clusters/ },
  ],
];
for (const [what, config, { reason, likely }] of strangers) {
  test(`a member with ${what} is refused: an Event and a metric here, a reason in its own log`, async () => {
    const said = await stranger(lab.host(2), config());
    assert.match(said, likely);
    assert.match(said, /another node does not hear this one/);
    await seenEvent(reason, /^Refused gossip of 10\.99\.0\.2 \(by stream\): Cannot read /);
    await counted(`reason="${reason}",transport="stream"`);
  });
}

test("Serf without a key, whose packets and streams are plain, is refused on both sides", async () => {
  const host = lab.host(3);
  const child = host.spawn(["serf", "agent", "-node=serf", `-bind=${host.address}`, `-join=${AGENT}`]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += String(chunk)));
  const ended = once(child, "close");
  await seenEvent("PlainText", /^Refused gossip of 10\.99\.0\.3 .*not encrypted/);
  // Serf gives up, and prints what it was told.
  await ended;
  assert.match(said, /not encrypted|no label/);
});

test("garbage of every kind from one address is a handful of Events, and changes nothing", async () => {
  const script = `
    const dgram = require("node:dgram"); const net = require("node:net");
    const udp = dgram.createSocket("udp4");
    for (let at = 0; at < 5000; at += 1) udp.send(require("node:crypto").randomBytes(at % 1400), 7946, "10.99.0.1");
    for (let at = 0; at < 20; at += 1) net.connect(7946, "10.99.0.1", function () { this.end("GET / HTTP/1.1\\r\\n\\r\\n"); }).on("error", () => {});
    setTimeout(() => process.exit(0), 2000);
  `;
  const host = lab.host(2);
  await host.run([host.path(process.execPath), "-e", script]);
  await seenEvent("OtherLabel", /by packet/);
  await seenEvent("Malformed", /by stream/);
  const { items } = await client.json<Events>("GET", "/api/v1/namespaces/default/events");
  const refusals = items.filter(({ message }) => message.startsWith("Refused gossip of 10.99.0.2"));
  assert.ok(refusals.length < 20, `${refusals.length} Events`);
  assert.equal(await memberList(client), "n1 alive");
});
