import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { ApiTokens } from "../../security/tokens/api-tokens.ts";
import { DataKeys } from "../../security/at-rest/data-keys.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { JoinTokens } from "../../security/tokens/join-tokens.ts";
import type { DurableStore } from "../../store/durable-store.ts";
import { openStore } from "../../store/open-store.ts";
import { ClusterMembers } from "./cluster-members.ts";
import { CurrentGossipKey } from "./current-gossip-key.ts";
import { keepRegistered, type OwnMember, type OwnMemberDeps, registerMember } from "./own-member.ts";
import { isReplicated } from "./replicated.ts";

const TOKEN = "apitokens.podman-swarm.io";

interface Node extends OwnMemberDeps {
  readonly dataDir: string;
  readonly own: OwnMember;
  readonly members: ClusterMembers;
  readonly denied: DeniedNodes;
  pass(ms: number): void;
}

async function node(t: TestContext, nodeName: string, { sealed = false } = {}): Promise<Node> {
  const dataDir = await mkdtemp(join(tmpdir(), "own-member-"));
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const [random, logger] = [systemRandom, silentLogger];
  const found: { members?: ClusterMembers } = {};
  const knownMembers = (key: Parameters<ClusterMembers["holders"]>[0]): readonly string[] =>
    found.members?.holders(key, nodeName) ?? [nodeName];
  const openSealer = (used: readonly string[]): Promise<DataKeys> =>
    DataKeys.open({ file: join(dataDir, "data.key"), used, clock });
  const store = await openStore(
    { dataDir, nodeName, clock, random, logger, knownMembers },
    sealed ? { openSealer } : {},
  );
  t.after(async () => {
    await store.close();
    await rm(dataDir, { recursive: true });
  });
  const members = new ClusterMembers({ store, clock });
  found.members = members;
  const own = { nodeName, clusterId: "c1", address: `${nodeName}:7946`, since: 0 };
  return {
    dataDir,
    store,
    clock,
    logger,
    own,
    members,
    denied: new DeniedNodes({ store, clock }),
    pass: (ms) => void (offset += ms),
  };
}

const names = ({ members }: Node): string[] => members.known().map(({ name }) => name);

async function exchange(a: Node, b: Node): Promise<void> {
  const replicated = ({ store }: Node) => [...store.states()].filter(({ key }) => isReplicated(key));
  const [ofA, ofB] = [replicated(a), replicated(b)];
  await a.store.apply(ofB);
  await b.store.apply(ofA);
}

test("trust's own objects are replicated, but for each node's first API token", async (t) => {
  const { store, clock, logger } = await node(t, "n1");
  const tokens = new ApiTokens({ store, clock, log: logger });
  await tokens.ensureFirst({ chosen: "a-token-of-this-very-node", file: "unused" });
  const { id } = await tokens.create("ci", 0);
  await new JoinTokens({ store, clock, nodeName: "n1", caDigest: () => "00".repeat(32) }).create({ name: "nodes" });
  await new DeniedNodes({ store, clock }).deny("n9");
  await new CurrentGossipKey({ store, replica: store }).set(Buffer.alloc(32), 1);
  const keys = [...store.states()].map(({ key }) => key);
  const local = keys.filter((key) => !isReplicated(key)).map(({ name }) => name);
  assert.deepEqual([keys.length, local], [5, ["admin"]]);
  assert.ok(isReplicated({ resource: TOKEN, namespace: "", name: id }));
});

test("members know of one another until one is removed, and again when it has joined anew", async (t) => {
  const [one, two] = [await node(t, "n1"), await node(t, "n2")];
  for (const each of [one, two]) await registerMember(each, each.own);
  await exchange(one, two);
  assert.deepEqual(
    [names(one), names(two)],
    [
      ["n1", "n2"],
      ["n1", "n2"],
    ],
  );
  one.pass(1000);
  await one.denied.deny("n2");
  assert.deepEqual([names(one), one.members.isGone("n2")], [["n1"], true]);
  two.pass(2000);
  await exchange(one, two);
  await registerMember(two, two.own);
  await exchange(one, two);
  assert.deepEqual(
    [names(one), names(two)],
    [
      ["n1", "n2"],
      ["n1", "n2"],
    ],
  );
});

test("who joins another cluster brings no token and no removed node along", async (t) => {
  const one = await node(t, "n1");
  await registerMember(one, one.own);
  const tokens = new ApiTokens({ store: one.store, clock: one.clock, log: one.logger });
  await tokens.create("ci", 0);
  await one.denied.deny("n9");
  await registerMember(one, one.own);
  assert.equal(tokens.list().length, 1);
  await registerMember(one, { ...one.own, clusterId: "c2" });
  assert.deepEqual([tokens.list(), one.denied.until("n9")], [[], undefined]);
  assert.deepEqual(names(one), ["n1"]);
});

test("a node that joins again with a slow clock is a member all the same, and a removed one is not", async (t) => {
  const [one, two] = [await node(t, "n1"), await node(t, "n2")];
  for (const each of [one, two]) await registerMember(each, each.own);
  await exchange(one, two);
  one.pass(60_000);
  await one.denied.deny("n2");
  const again = await node(t, "n2");
  await registerMember(again, again.own);
  const stop = new AbortController();
  const removed = { yes: true };
  const kept = keepRegistered({ ...again, isRemoved: () => removed.yes }, again.own, stop.signal);
  await exchange(again, one);
  await eventually(() => again.members.isGone("n2"), { what: "the denial" });
  removed.yes = false;
  one.pass(1);
  await one.denied.deny("n2");
  await exchange(again, one);
  await eventually(() => !again.members.isGone("n2"), { what: "the repair" });
  await exchange(again, one);
  assert.deepEqual(names(one), ["n1", "n2"]);
  stop.abort();
  await kept;
});

test("a node that is told of its own removal before it runs is a member once it runs", async (t) => {
  const one = await node(t, "n1");
  await one.denied.deny("n2");
  const again = await node(t, "n2");
  await registerMember(again, again.own);
  one.pass(1000);
  await one.denied.deny("n2");
  await exchange(again, one);
  assert.ok(again.members.isGone("n2"));
  const stop = new AbortController();
  const kept = keepRegistered({ ...again, isRemoved: () => false }, again.own, stop.signal);
  await eventually(() => !again.members.isGone("n2"), { what: "its own word" });
  stop.abort();
  await kept;
});

test("a tombstone waits for every known member, and what is not replicated for none", async (t) => {
  const [one, two] = [await node(t, "n1"), await node(t, "n2")];
  for (const each of [one, two]) await registerMember(each, each.own);
  await exchange(one, two);
  const tokens = new ApiTokens({ store: one.store, clock: one.clock, log: one.logger });
  const { id } = await tokens.create("ci", 0);
  await exchange(one, two);
  await tokens.remove(id);
  const own = { resource: "configmaps", namespace: "default", name: "own" };
  await one.store.create(own, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "own" } });
  await one.store.delete(own);
  one.pass(2 * 3_600_000);
  const tombstones = (store: DurableStore): string[] =>
    [...store.states()].filter(({ tombstone }) => tombstone !== undefined).map(({ key }) => key.name);
  await one.store.sweep();
  assert.deepEqual(tombstones(one.store), [id]);
  one.store.confirmTombstones("n2", one.store.states());
  await one.store.sweep();
  assert.deepEqual(tombstones(one.store), []);
});

test("what is secret goes over in plain, inside of TLS, and is sealed with the receiver's own key", async (t) => {
  const [one, two] = [await node(t, "n1", { sealed: true }), await node(t, "n2", { sealed: true })];
  const tokens = new ApiTokens({ store: one.store, clock: one.clock, log: one.logger });
  const { id, token } = await tokens.create("a name to look for", 0);
  await exchange(one, two);
  const there = new ApiTokens({ store: two.store, clock: two.clock, log: two.logger });
  assert.equal(there.verify(token)?.id, id);
  const sealedBy = [one, two].map(({ dataDir }) => {
    const db = new DatabaseSync(join(dataDir, "state.db"), { readOnly: true });
    const rows = db
      .prepare("SELECT content, sealed_by FROM registers WHERE register = 'main' AND resource = ?")
      .all(TOKEN);
    db.close();
    assert.deepEqual([rows.length, String(rows[0]?.["content"]).includes("look for")], [1, false]);
    return rows[0]?.["sealed_by"];
  });
  assert.ok(sealedBy[0] !== null && sealedBy[0] !== sealedBy[1]);
});

test("of what two parted members say of one removed node, and of the gossip key, the later word counts", async (t) => {
  const [one, two] = [await node(t, "n1"), await node(t, "n2")];
  const [keyOfOne, keyOfTwo] = [one, two].map(({ store }) => new CurrentGossipKey({ store, replica: store }));
  const [first, second, third] = [1, 2, 3].map((fill) => Buffer.alloc(32, fill)) as [Buffer, Buffer, Buffer];
  await one.denied.deny("n9");
  await keyOfOne?.set(first, 1);
  two.pass(1000);
  await two.denied.deny("n9");
  await keyOfTwo?.set(second, 2);
  one.pass(2000);
  await one.denied.deny("n9");
  await keyOfOne?.set(third, 3);
  const until = one.denied.until("n9");
  await exchange(one, two);
  assert.deepEqual([one.denied.until("n9"), two.denied.until("n9")], [until, until]);
  assert.ok(keyOfOne?.is(third) && keyOfTwo?.is(third));
});
