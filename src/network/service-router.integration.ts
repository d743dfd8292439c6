import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { PodBridge } from "./pod-bridge.ts";
import { ServiceRouter } from "./service-router.ts";
import type { ServiceEntry, ServiceTable } from "./service-table.ts";
import { LabNetwork } from "./test-support/lab-network.ts";

const GATEWAY = "10.62.0.1";
const [A, B, OUTSIDE] = ["10.62.0.5", "10.62.0.6", "10.62.0.7"];
const both = [
  { ip: A, port: 8080 },
  { ip: B, port: 8080 },
];
const web: ServiceEntry = {
  id: "default/web:80/tcp",
  protocol: "tcp",
  addresses: ["10.63.0.10"],
  port: 80,
  targets: both,
  node: { port: 30080, targets: both, keepsClientAddress: false },
};
const onlyA: ServiceEntry = { ...web, id: "default/a:80/tcp", addresses: ["10.63.0.11"], targets: both.slice(0, 1) };
const udp: ServiceEntry = { ...web, id: "default/web:80/udp", protocol: "udp" };
const empty: ServiceEntry = {
  ...web,
  id: "default/empty:80/tcp",
  addresses: ["10.63.0.12"],
  targets: [],
  node: { port: 30081, targets: [], keepsClientAddress: true },
};
const sticky: ServiceEntry = { ...web, id: "default/sticky:80/tcp", addresses: ["10.63.0.13"], affinitySeconds: 60 };
const { node: _, ...withoutNode } = onlyA;
const ALL: ServiceTable = [web, withoutNode, udp, empty, sticky].map((entry) =>
  entry === sticky ? { ...entry, node: { port: 30083, targets: both, keepsClientAddress: true } } : entry,
);

let lab: LabNetwork;
let router: ServiceRouter;
let pods: { a: number; b: number; client: number };
let running: Promise<void>;
const stop = new AbortController();

before(async () => {
  lab = await LabNetwork.create(GATEWAY);
  const [a, b, client] = [
    await lab.addPod(A, GATEWAY),
    await lab.addPod(B, GATEWAY),
    await lab.addPod(OUTSIDE, GATEWAY),
  ];
  pods = { a, b, client };
  const ranges = { gateway: GATEWAY, subnet: "10.62.0.0/24", serviceCidr: "10.63.0.0/16" };
  await new PodBridge(lab.kernel, "podswarm0").configure(ranges);
  await Promise.all([lab.serve(a, "a", 8080), lab.serve(b, "b", 8080)]);
  router = new ServiceRouter(
    { kernel: lab.kernel, clock: systemClock, logger: silentLogger },
    {
      bridge: "podswarm0",
      gateway: GATEWAY,
      podCidr: "10.62.0.0/16",
      serviceCidr: "10.63.0.0/16",
      dns: { addresses: [GATEWAY, "10.63.0.53"], port: 10053, alsoAt: 5353 },
    },
    { verifyMs: 200, retryMs: 100 },
  );
  running = router.run(stop.signal);
  router.apply(ALL);
  await eventually(async () => (await lab.sh("nft list map ip podman_swarm vips")).includes("10.63.0.13"));
});

after(async () => {
  stop.abort();
  await running;
  await lab.close();
});

const REACH: readonly { from: "host" | "a" | "client"; target: string; protocol?: "udp"; answer: RegExp }[] = [
  { from: "host", target: "10.63.0.10:80", answer: /^[ab] 10\.62\.0\.1$/ },
  { from: "client", target: "10.63.0.10:80", answer: /^[ab] 10\.62\.0\.7$/ },
  { from: "client", target: "10.63.0.10:80", protocol: "udp", answer: /^[ab] 10\.62\.0\.7$/ },
  { from: "a", target: "10.63.0.11:80", answer: /^a 10\.62\.0\.1$/ },
  { from: "a", target: `${B}:8080`, answer: /^b 10\.62\.0\.5$/ },
  { from: "host", target: `${GATEWAY}:30080`, answer: /^[ab] 10\.62\.0\.1$/ },
  { from: "client", target: `${GATEWAY}:30080`, answer: /^[ab] 10\.62\.0\.1$/ },
  { from: "client", target: `${GATEWAY}:30083`, answer: /^[ab] 10\.62\.0\.7$/ },
  { from: "host", target: "10.63.0.12:80", answer: /^ECONNREFUSED$/ },
  { from: "client", target: "10.63.0.12:80", answer: /^ECONNREFUSED$/ },
  { from: "client", target: "10.63.0.10:81", answer: /^ECONNREFUSED$/ },
  { from: "client", target: "10.63.0.12:80", protocol: "udp", answer: /^ECONNREFUSED$/ },
  { from: "client", target: `${GATEWAY}:30081`, answer: /^ECONNREFUSED$/ },
];

for (const { from, target, protocol, answer } of REACH) {
  test(`${from} asks ${target} over ${protocol ?? "tcp"} and gets ${answer.source}`, async () => {
    assert.match(await lab.ask(from === "host" ? "host" : pods[from], target, protocol), answer);
  });
}

test("a client of a service with affinity stays with one pod", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => lab.ask(pods.client, "10.63.0.13:80")));
  assert.equal(new Set(answers).size, 1);
});

test("a client of a service with affinity stays with its pod when the table is written anew", async () => {
  const before = await lab.ask(pods.client, "10.63.0.13:80");
  for (let round = 0; round < 6; round += 1) {
    router.invalidate();
    await router.drained("10.62.0.99", 30_000);
    assert.equal(await lab.ask(pods.client, "10.63.0.13:80"), before);
  }
});

test("pods' questions to either DNS address reach the DNS port of the gateway, others do not", async () => {
  await lab.serveHost("dns", 10053);
  for (const target of [`${GATEWAY}:53`, "10.63.0.53:53", "10.63.0.53:5353"]) {
    for (const protocol of ["tcp", "udp"] as const) {
      assert.match(await lab.ask(pods.client, target, protocol), /^dns 10\.62\.0\.7$/);
    }
  }
});

test("no connection fails while endpoints change under a client", async () => {
  const counts = await lab.loop(pods.client, "10.63.0.10:80");
  for (let round = 0; round < 10; round += 1) {
    const targets = both.slice(round % 2, (round % 2) + 1);
    router.apply([{ ...web, targets, node: { port: 30080, targets, keepsClientAddress: false } }]);
    await router.drained(round % 2 === 0 ? B : A, 30_000);
  }
  router.apply(ALL);
  const { a = 0, b = 0, ...failures } = await counts();
  assert.deepEqual(failures, {}, JSON.stringify(failures));
  assert.ok(a > 0 && b > 0, `a ${a}, b ${b}`);
});

for (const { when, forget } of [
  { when: "", forget: () => {} },
  { when: ", also when nobody knows what the table was before", forget: () => router.invalidate() },
]) {
  test(`a UDP client that keeps its port moves to the pods that are left${when}`, async () => {
    const to = (targets: typeof both): ServiceTable => [{ ...udp, targets, node: { ...web.node!, targets } }];
    router.apply(to(both.slice(0, 1)));
    await router.drained(B, 30_000);
    const counts = await lab.loop(pods.client, "10.63.0.10:80", "udp");
    await eventually(async () => (await lab.sh("conntrack -L -p udp 2>/dev/null")).includes(`src=${A}`));
    router.apply(to(both.slice(1)));
    forget();
    await router.drained(A, 30_000);
    await eventually(async () => (await lab.sh("conntrack -L -p udp 2>/dev/null")).includes(`src=${B}`));
    const { a = 0, b = 0, ...others } = await counts();
    assert.ok(a > 0 && b > 0, `a ${a}, b ${b}`);
    assert.ok((others["LOST"] ?? 0) <= 1, JSON.stringify(others));
    router.apply(ALL);
  });
}

test("a UDP client that keeps asking a node port reaches the service that gets it later", async () => {
  for (const wayOfWriting of ["as a change", "anew"]) {
    router.apply([]);
    await router.drained(A, 30_000);
    const counts = await lab.loop(pods.client, `${GATEWAY}:30080`, "udp");
    await eventually(async () => (await lab.sh("conntrack -L -p udp 2>/dev/null")).includes("dport=30080"));
    router.apply([udp]);
    if (wayOfWriting === "anew") router.invalidate();
    await eventually(async () => /dport=30080 src=10\.62\.0\.[56] /.test(await lab.sh("conntrack -L -p udp")));
    const { a = 0, b = 0 } = await counts();
    assert.ok(a + b > 0, wayOfWriting);
  }
  router.apply(ALL);
});

test("an address is drained only after the kernel has let go of it", async () => {
  const table = [{ ...withoutNode, targets: both.slice(1) }];
  router.apply(table);
  await router.drained(A, 30_000);
  assert.ok(!(await lab.sh("nft list table ip podman_swarm")).includes(A));
  router.apply(ALL);
});

test("a table that somebody flushed is written again", async () => {
  await lab.sh("nft flush ruleset");
  await eventually(async () => (await lab.sh("nft list ruleset")).includes("10.63.0.13"));
  assert.match(await lab.ask("host", "10.63.0.10:80"), /^[ab] /);
});

test("more services than one transaction takes are written in parts, and all of them work", async () => {
  const many: ServiceTable = Array.from({ length: 700 }, (unused, index) => ({
    ...withoutNode,
    id: `many/s${index}:80/tcp`,
    addresses: [`10.63.${8 + Math.floor(index / 256)}.${index % 256}`],
    targets: both,
  }));
  router.apply([...ALL, ...many]);
  await router.drained("10.62.0.99", 60_000);
  for (const { addresses } of [many[0]!, many[699]!])
    assert.match(await lab.ask(pods.client, `${addresses[0]}:80`), /^[ab] /);
  assert.equal(await lab.ask(pods.client, "10.63.0.12:80"), "ECONNREFUSED");
  await lab.sh("nft flush ruleset");
  await eventually(async () => /^[ab] /.test(await lab.ask(pods.client, `${many[699]!.addresses[0]}:80`)));
  router.apply(ALL);
  await router.drained("10.62.0.99", 60_000);
  assert.ok(!(await lab.sh("nft list map ip podman_swarm vips")).includes("10.63.8.1 "));
  assert.match(await lab.ask("host", "10.63.0.10:80"), /^[ab] /);
});
