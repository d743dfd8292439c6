import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { memberView } from "../../../test/support/member-view.ts";
import { systemClock } from "../../lib/clock.ts";
import type { PeerMessage } from "../../security/cluster-port/peer-exchange.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { LeftCluster, MembershipChanges } from "./membership-changes.ts";
import type { Answer, Ask } from "./peer-questions.ts";

const LATER = systemClock.now() + 200_000;

type Asked = (name: string) => Promise<PeerMessage>;

/** The node `me` beside `a` and `b`, which answer a question as given. */
function changesOf(
  t: TestContext,
  { answer = async () => ({}), removes = false }: { readonly answer?: Asked; readonly removes?: boolean } = {},
) {
  const dataDir = mkdtempSync(join(tmpdir(), "podman-swarm-leave-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  mkdirSync(join(dataDir, "pki"));
  const denied = new DeniedNodes({ store: openMemoryStore(), clock: systemClock });
  const none = async (): Promise<never> => assert.fail("nothing is replaced when a node leaves");
  const registered = () => (denied.until("lost") === undefined ? [{ name: "lost", joined: LATER }] : []);
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const ask: Ask = async ({ nodeName = "" }, { kind }) => {
    asked.push(`${kind} ${nodeName}`);
    return await answer(nodeName);
  };
  const changes = new MembershipChanges(
    {
      client: {
        members: () => ["a", "me", "b"].map((name) => memberView(name)),
        leave: async () => {},
        forceLeave: async (name) => void asked.push(`taken out ${name}`),
      },
      gossip: { rotate: removes ? async () => ({ count: 2, away: [] }) : none },
      compromise: { replaceAll: none },
      denied,
      listener: { dropDenied: () => {} },
      replication: {
        question: () => (removes ? { kind: "store-push" } : assert.fail("who leaves writes nothing")),
      },
      others: registered,
      questions: { ask, answers: (kind, one) => void answers.set(kind, one) },
      clock: systemClock,
      nodeName: "me",
    },
    { dataDir, memberFile: join(dataDir, "members") },
  );
  return { changes, dataDir, denied, asked, answers, registered };
}

const clocksApart = new RefusedError("ClockSkew", "the clocks are 400 seconds apart", { byOther: true });

test("a node that was lost is removed also when the gossip has forgotten it, and nobody else", async (t) => {
  const { changes, denied, asked, registered } = changesOf(t, { removes: true });
  assert.match(await changes.remove("lost"), /^The node lost is removed: .* the other 2 have a new gossip key/);
  assert.equal(denied.until("lost"), LATER, "it has joined by a clock that is ahead");
  assert.deepEqual(asked, ["store-push a", "store-push b", "taken out lost"]);
  // It is no member by now, and a removal that broke off is done again all the same.
  assert.deepEqual(registered(), []);
  assert.match(await changes.remove("lost"), /^The node lost is removed/);
  await assert.rejects(changes.remove("nobody"), { reason: "NotFound", message: "there is no member nobody" });
  await assert.rejects(changes.remove("me"), { reason: "Conflict", message: /psctl leave takes it out/ });
});

test("who leaves has one member take it down, and says nothing to itself", async (t) => {
  const { changes, dataDir, denied, asked } = changesOf(t);
  assert.match(await changes.leave(), /^The node me has left the cluster/);
  assert.deepEqual(asked, ["leave a"]);
  assert.equal(denied.until("me"), undefined);
  assert.match(readdirSync(dataDir).join(" "), /^pki\.left-\d+T\d+Z$/);
  await assert.rejects(changes.run(t.signal), LeftCluster);
});

test("a member that cannot take it down is passed over", async (t) => {
  const { changes, asked } = changesOf(t, {
    answer: async (name) => {
      if (name === "a") throw clocksApart;
      return {};
    },
  });
  await changes.leave();
  assert.deepEqual(asked, ["leave a", "leave b"]);
});

test("a member that refuses who has left already has taken it down before", async (t) => {
  const { changes, dataDir } = changesOf(t, {
    answer: async () => {
      throw new RefusedError("NodeDenied", "the node me was removed from the cluster", { byOther: true });
    },
  });
  writeFileSync(join(dataDir, "removed"), "the node me was removed\n");
  await changes.leave();
  assert.match(readdirSync(dataDir).join(" "), /^pki\.left-\d+T\d+Z$/, "nothing says that it was removed");
});

test("who cannot tell any member stays, with its trust", async (t) => {
  const { changes, dataDir, denied } = changesOf(t, {
    answer: async () => {
      throw clocksApart;
    },
  });
  await assert.rejects(changes.leave(), /no other member could be told: a: the clocks are 400 .*; b: the clocks/);
  assert.deepEqual(readdirSync(dataDir), ["pki"]);
  assert.equal(denied.until("me"), undefined);
});

test("a member that is told denies who tells it, and nobody else", async (t) => {
  const { denied, answers } = changesOf(t);
  const memberSince = systemClock.now();
  await answers.get("leave")?.(
    { kind: "leave", nodeName: "b" },
    { clusterId: "c", nodeName: "a", memberSince, notAfter: Infinity },
  );
  assert.ok(denied.isDenied({ nodeName: "a", memberSince }));
  assert.equal(denied.until("b"), undefined);
});
