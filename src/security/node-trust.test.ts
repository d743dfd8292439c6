import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Clock, systemClock } from "../lib/clock.ts";
import { secretBytes, seededRandom } from "../lib/random.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { readMaterial } from "./ca-material.ts";
import { ClusterAuthority, saveJoinedAuthority } from "./cluster-authority.ts";
import { DeniedNodes } from "./denied-nodes.ts";
import { GossipKeys } from "./gossip-keys.ts";
import { nodeOrder, readNodeCertificate } from "./node-certificate.ts";
import { renewalTime } from "./renewal-time.ts";

const DAY_MS = 86_400_000;

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
  assert.ok(Math.abs((found?.issuedAt ?? 0) - systemClock.now()) < 5000);
  assert.equal(parsed.checkIP("10.0.0.1"), "10.0.0.1");
  assert.equal(parsed.subject, "O=system:nodes\nCN=system:node:node-1.example");
  assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  const client = authority.issue({ usage: "client", commonName: "system:node:node-1", days: 1 });
  assert.equal(readNodeCertificate(new X509Certificate(client.certificate)), undefined);
  const two = ["podman-swarm://x/node/a", `podman-swarm://${authority.clusterId}/node/b`];
  const odd = authority.issue({ usage: "node", commonName: "a", altNames: two, days: 1 });
  assert.equal(readNodeCertificate(new X509Certificate(odd.certificate)), undefined);
});

test("a CA is replaced in three steps, and at each step everybody believes what everybody else shows", async (t) => {
  const directory = await temporary(t);
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const authority = await ClusterAuthority.open({ directory, clock });
  const { clusterId, certificate: old } = authority;
  const before = authority.issue({ usage: "client", commonName: "a", days: 90 }).certificate;
  let changes = 0;
  authority.onChange(() => (changes += 1), t.signal);

  await authority.stage();
  assert.equal(authority.certificate, old);
  assert.equal(authority.trusted.length, 2);
  const [, staged = ""] = authority.trusted;
  await assert.rejects(authority.stage(), /another one is being brought in/);
  const reopened = await ClusterAuthority.open({ directory, clock });
  assert.deepEqual(reopened.trusted, authority.trusted);

  await authority.activate({ overlapDays: 90 });
  assert.equal(authority.certificate, staged);
  assert.deepEqual(authority.trusted, [staged, old]);
  const after = authority.issue({ usage: "client", commonName: "a", days: 90 }).certificate;
  assert.ok(signedBy(before, old) && signedBy(after, staged) && !signedBy(after, old));
  assert.equal(authority.clusterId, clusterId);
  assert.equal(await readFile(join(directory, "ca.crt"), "utf8"), staged);

  offset = 91 * DAY_MS;
  assert.deepEqual(authority.trusted, [staged]);
  await authority.forgetOld();
  assert.deepEqual(authority.material.older, []);
  assert.equal(changes, 3);
  assert.equal((await stat(join(directory, "ca.json"))).mode & 0o777, 0o600);
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
  const issuedAt = Math.floor(clock.now() / 1000) * 1000;
  assert.equal(denied.isDenied({ nodeName: "a", issuedAt }), false);
  await denied.deny("a");
  assert.equal(denied.isDenied({ nodeName: "a", issuedAt }), true);
  assert.equal(denied.isDenied({ nodeName: "b", issuedAt }), false);
  offset = 5000;
  assert.equal(denied.isDenied({ nodeName: "a", issuedAt: clock.now() }), false);
  await denied.deny("a");
  assert.equal(denied.isDenied({ nodeName: "a", issuedAt: issuedAt + 4000 }), true);
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
