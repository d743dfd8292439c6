import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { secretBytes, seededRandom } from "../../lib/random.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { caState, isNewer, readMaterial } from "./ca-material.ts";
import { type CaChange, ClusterAuthority, saveJoinedAuthority } from "./cluster-authority.ts";
import { DeniedNodes } from "../denied-nodes.ts";
import { GossipKeys } from "../gossip-keys.ts";
import { type NodeCertificate, nodeOrder, readNodeCertificate } from "./node-certificate.ts";
import { NodeIdentity } from "./node-identity.ts";
import { renewalTime } from "./renewal-time.ts";

const DAY_MS = 86_400_000;
const NOTHING_GONE: CaChange = { distrusted: [], atOnce: false };

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "node-trust-test-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

const signedBy = (certificate: string, ca: string): boolean =>
  new X509Certificate(certificate).verify(new X509Certificate(ca).publicKey);

test("a node's certificate names the node and its cluster, which no other certificate does", async (t) => {
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const name = { clusterId: authority.clusterId, nodeName: "node-1.example" };
  const parsed = new X509Certificate(authority.issue(nodeOrder(name, ["10.0.0.1"])).certificate);
  const found = readNodeCertificate(parsed);
  assert.deepEqual([found?.clusterId, found?.nodeName], [authority.clusterId, "node-1.example"]);
  assert.ok(Math.abs((found?.memberSince ?? 0) - systemClock.now()) < 5000);
  assert.equal(parsed.checkIP("10.0.0.1"), "10.0.0.1");
  assert.equal(parsed.subject, "O=system:nodes\nCN=system:node:node-1.example");
  assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  const client = authority.issue({ usage: "client", commonName: "system:node:node-1", days: 1 });
  assert.equal(readNodeCertificate(new X509Certificate(client.certificate)), undefined);
  const two = ["podman-swarm://x/node/a", `podman-swarm://${authority.clusterId}/node/b`];
  const odd = authority.issue({ usage: "node", commonName: "a", altNames: two, days: 1 });
  assert.equal(readNodeCertificate(new X509Certificate(odd.certificate)), undefined);
});

test("a CA is replaced in two steps, and at each step everybody believes what everybody else shows", async (t) => {
  const directory = await temporary(t);
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const authority = await ClusterAuthority.open({ directory, clock });
  const { clusterId, certificate: old } = authority;
  const before = authority.issue({ usage: "client", commonName: "a", days: 90 }).certificate;
  const changes: CaChange[] = [];
  authority.onChange((change) => void changes.push(change), t.signal);

  await authority.stage();
  assert.equal(authority.certificate, old);
  assert.equal(authority.trusted.length, 2);
  const [, staged = ""] = authority.trusted;
  await assert.rejects(authority.stage(), /another one is being brought in/);
  const reopened = await ClusterAuthority.open({ directory, clock });
  assert.deepEqual(reopened.trusted, authority.trusted);

  await authority.activate({ overlapMs: 90 * DAY_MS });
  assert.equal(authority.certificate, staged);
  assert.deepEqual(authority.trusted, [staged, old]);
  const after = authority.issue({ usage: "client", commonName: "a", days: 90 }).certificate;
  assert.ok(signedBy(before, old) && signedBy(after, staged) && !signedBy(after, old));
  assert.equal(authority.clusterId, clusterId);
  assert.equal(await readFile(join(directory, "ca.crt"), "utf8"), staged);
  const [successor = ""] = authority.chain.successors;
  assert.ok(signedBy(successor, old) && signedBy(after, successor));
  assert.notEqual(new X509Certificate(staged).subject, new X509Certificate(old).subject);
  assert.deepEqual(changes, [NOTHING_GONE, NOTHING_GONE]);
  assert.equal(authority.material.generation, 2);

  offset = 91 * DAY_MS;
  assert.deepEqual(authority.trusted, [staged]);
  await authority.forgetOld();
  assert.deepEqual(authority.material.older, []);
  assert.deepEqual(changes.at(-1), { distrusted: [old], atOnce: false });
  assert.equal((await stat(join(directory, "ca.json"))).mode & 0o777, 0o600);
});

test("an older CA is forgotten at its time, and stays as a link while one before it is believed", async (t) => {
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock });
  const [first, ends] = [authority.certificate, [30, 10]];
  for (const days of ends) {
    await authority.stage();
    await authority.activate({ overlapMs: days * DAY_MS });
  }
  offset = 11 * DAY_MS;
  await authority.forgetOld();
  assert.deepEqual(authority.trusted, [authority.certificate, first]);
  assert.equal(authority.chain.successors.length, 2);
  assert.equal(authority.chain.root, first);
  for (const successor of authority.chain.successors) {
    assert.ok(new X509Certificate(successor).validToDate.getTime() - clock.now() > 18 * DAY_MS);
  }
  offset = 31 * DAY_MS;
  await authority.forgetOld();
  assert.deepEqual(authority.chain, { successors: [], root: authority.certificate });
});

test("an older CA is forgotten by itself when its time is over, and everybody is told", async (t) => {
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const { certificate: old } = authority;
  const stop = new AbortController();
  const running = authority.run(stop.signal, silentLogger);
  const changes: CaChange[] = [];
  await authority.stage();
  await authority.activate({ overlapMs: 200 });
  authority.onChange((change) => void changes.push(change), t.signal);
  await eventually(() => changes.length > 0, { what: "the end of the old CA" });
  assert.deepEqual(changes, [{ distrusted: [old], atOnce: false }]);
  assert.deepEqual(authority.material.older, []);
  stop.abort();
  await running;
});

test("a compromised CA ends at once, and one that was being brought in is not used", async (t) => {
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const changes: CaChange[] = [];
  await authority.stage();
  const [first, waiting = ""] = authority.trusted;
  await authority.stage({ compromised: true });
  assert.equal(authority.trusted.includes(waiting), false);
  assert.equal(authority.material.compromised, true);
  await authority.activate({ overlapMs: DAY_MS });
  authority.onChange((change) => void changes.push(change), t.signal);
  await authority.distrustOld();
  assert.deepEqual(changes, [{ distrusted: [first], atOnce: true }]);
  assert.equal(authority.material.compromised, undefined);
  assert.deepEqual([authority.trusted.length, authority.chain.successors], [1, []]);
});

test("of two members the one that took more steps is right, and two that did it apart choose the same", async (t) => {
  const one = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const directory = await temporary(t);
  await saveJoinedAuthority(directory, one.material);
  const two = await ClusterAuthority.open({ directory, clock: systemClock });
  const newer = (a: ClusterAuthority, b: ClusterAuthority): boolean =>
    isNewer(caState(a.material), caState(b.material));
  assert.ok(!newer(one, two) && !newer(two, one));
  await one.stage();
  assert.ok(newer(one, two) && !newer(two, one));
  await two.stage();
  assert.notEqual(newer(one, two), newer(two, one));
});

test("who joins signs as the cluster does, and damaged material is refused without telling it", async (t) => {
  const [one, two] = [await temporary(t), await temporary(t)];
  const authority = await ClusterAuthority.open({ directory: one, clock: systemClock });
  await authority.stage();
  await saveJoinedAuthority(two, readMaterial(JSON.parse(JSON.stringify(authority.material))));
  const joined = await ClusterAuthority.open({ directory: two, clock: systemClock });
  assert.deepEqual(joined.material, authority.material);
  const { signing } = authority.material;
  const other = authority.issue({ usage: "client", commonName: "x", days: 1 });
  const wrong: readonly unknown[] = [
    null,
    { ...authority.material, clusterId: "x" },
    { ...authority.material, signing: { ...signing, key: other.key } },
    { ...authority.material, signing: other },
    { ...authority.material, older: [{}] },
    { ...authority.material, generation: -1 },
    { ...authority.material, older: [{ certificate: signing.certificate, until: 1, successor: other.certificate }] },
    { ...authority.material, older: Array.from({ length: 17 }, () => ({ certificate: signing.certificate })) },
  ];
  for (const value of wrong) assert.throws(() => readMaterial(value), /^Error: Cannot use the CA: /);
  await writeFile(join(two, "ca.json"), `{"signing": "secret-text`);
  await assert.rejects(ClusterAuthority.open({ directory: two, clock: systemClock }), (error: Error) => {
    assert.match(error.message, /Cannot use the cluster's CA in .*ca\.json: it is not JSON\. Put it back/);
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret-text/);
    return true;
  });
});

test("certificates are renewed at random between 50 and 80 % of their life", () => {
  const random = seededRandom(1);
  const times = Array.from({ length: 1000 }, () => renewalTime({ from: 1000, until: 2000 }, random));
  const [least, most] = [Math.min(...times), Math.max(...times)];
  assert.ok(least >= 1500 && least < 1505 && most <= 1800 && most > 1795, `${least} to ${most}`);
});

test("a removed node's certificates are refused at once, and one that it gets later is good", async () => {
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const denied = new DeniedNodes({ store: openMemoryStore({ clock }), clock });
  const memberSince = Math.floor(clock.now() / 1000) * 1000;
  assert.equal(denied.isDenied({ nodeName: "a", memberSince }), false);
  await denied.deny("a");
  assert.equal(denied.isDenied({ nodeName: "a", memberSince }), true);
  assert.equal(denied.isDenied({ nodeName: "b", memberSince }), false);
  offset = 5000;
  assert.equal(denied.isDenied({ nodeName: "a", memberSince: clock.now() }), false);
  await denied.deny("a");
  assert.equal(denied.isDenied({ nodeName: "a", memberSince: memberSince + 4000 }), true);
});

test("certificates that a node makes for itself later do not outlive its removal", async (t) => {
  const directory = await temporary(t);
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const authority = await ClusterAuthority.open({ directory, clock });
  const load = async (from: ClusterAuthority, address: string): Promise<NodeCertificate> => {
    const options = { directory, nodeName: "a", addresses: [address] };
    const identity = new NodeIdentity({ authority: from, clock, random: seededRandom(1), log: silentLogger }, options);
    await identity.load();
    const parsed = new X509Certificate(identity.current.certificate);
    assert.equal(parsed.checkIP(address), address);
    return readNodeCertificate(parsed) ?? assert.fail("it is a node's");
  };
  const first = await load(authority, "10.0.0.1");
  const denied = new DeniedNodes({ store: openMemoryStore({ clock }), clock });
  await denied.deny("a");
  offset = 10_000;
  const moved = await load(authority, "10.0.0.2");
  offset = 85 * DAY_MS;
  const renewed = await load(authority, "10.0.0.2");
  assert.ok(renewed.notAfter > moved.notAfter);
  for (const one of [moved, renewed]) {
    assert.equal(one.memberSince, first.memberSince);
    assert.ok(denied.isDenied(one));
  }
  const other = await load(await ClusterAuthority.open({ directory: await temporary(t), clock }), "10.0.0.2");
  assert.ok(other.memberSince > first.memberSince);
});

test("gossip keys are kept, and rotate in three steps", async (t) => {
  const file = join(await temporary(t), "gossip.json");
  const keys = await GossipKeys.open(file);
  const [first = Buffer.alloc(0)] = keys.keys;
  assert.equal(first.length, 32);
  const next = secretBytes(32);
  await assert.rejects(keys.use(next), /was not added/);
  await keys.add(next);
  await keys.add(next);
  assert.deepEqual(keys.keys, [first, next]);
  await assert.rejects(keys.remove(first), /it is in use/);
  await keys.use(next);
  await keys.remove(first);
  assert.deepEqual((await GossipKeys.open(file)).keys, [next]);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await assert.rejects(keys.add(secretBytes(16)), /of 16 bytes: it has 32/);
  await writeFile(file, `{"keys": ["secret-text`);
  await assert.rejects(
    GossipKeys.open(file),
    (error: Error) => !`${error.message} ${String(error.cause)}`.includes("secret-text"),
  );
});
