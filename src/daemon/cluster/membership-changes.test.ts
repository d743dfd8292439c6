import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { LeftCluster, MembershipChanges } from "./membership-changes.ts";

function memberView(name: string): MemberView {
  return {
    name,
    host: name,
    port: 7946,
    state: "alive",
    incarnation: 1,
    meta: new Uint8Array(),
    protocol: { min: 1, max: 5, current: 5 },
    delegate: { min: 0, max: 0, current: 0 },
  };
}

/** The node `me` beside `a`, which answers a question as given. */
function changesOf(t: TestContext, answer: () => Promise<Record<string, unknown>>) {
  const dataDir = mkdtempSync(join(tmpdir(), "podman-swarm-leave-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  mkdirSync(join(dataDir, "pki"));
  const denied = new DeniedNodes({ store: openMemoryStore(), clock: systemClock });
  const none = async (): Promise<never> => assert.fail("nothing is replaced when a node leaves");
  const changes = new MembershipChanges(
    {
      client: { members: () => [memberView("a"), memberView("me")], leave: async () => {} },
      gossip: { rotate: none },
      compromise: { replaceAll: none },
      denied,
      listener: { dropDenied: () => {} },
      replication: { question: () => ({ kind: "store-push" }) },
      questions: { ask: answer },
      clock: systemClock,
      nodeName: "me",
    },
    { trustDirectory: join(dataDir, "pki"), memberFile: join(dataDir, "members") },
  );
  return { changes, dataDir };
}

test("who leaves takes a refusal for an answer that says that all is known", async (t) => {
  const { changes, dataDir } = changesOf(t, async () => {
    throw new RefusedError("NodeDenied", "the node me was removed from the cluster", { byOther: true });
  });
  assert.match(await changes.leave(), /^The node me has left the cluster/);
  assert.match(readdirSync(dataDir).join(" "), /^pki\.left-\d+T\d+Z$/);
  await assert.rejects(changes.run(t.signal), LeftCluster);
});

test("who cannot tell a living member stays, with its trust", async (t) => {
  const { changes, dataDir } = changesOf(t, async () => {
    throw new RefusedError("ClockSkew", "the clocks are 400 seconds apart", { byOther: true });
  });
  await assert.rejects(changes.leave(), /a: the clocks are 400 seconds apart/);
  assert.deepEqual(readdirSync(dataDir), ["pki"]);
});
