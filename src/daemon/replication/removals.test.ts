import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock, type Clock } from "../../lib/clock.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { Removals } from "./removals.ts";

/** Its commands come so much later than those of others, in milliseconds. */
function member(after = 0) {
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + after };
  const store = openMemoryStore({ clock });
  return { store, denied: new DeniedNodes({ store, clock }), removals: new Removals({ store, replica: store }) };
}

const sent = (message: object): Readonly<Record<string, unknown>> => JSON.parse(JSON.stringify(message));

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-removals-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "removals.json");
}

test("who gets a message with secrets knows the removals of the sender, and keeps later ones of its own", async () => {
  const [one, other] = [member(), member(1000)];
  await one.denied.deny("a", 1000);
  await one.denied.deny("b", 1000);
  await other.denied.deny("b", 2000);
  const message = one.removals.with({ key: "secret" });
  assert.equal(message.key, "secret");
  await other.removals.take(sent(message));
  assert.deepEqual([other.denied.until("a"), other.denied.until("b")], [1000, 2000]);
});

test("nothing but removals is taken", async () => {
  const [one, other] = [member(), member()];
  const key = { resource: "secrets", namespace: "default", name: "x" };
  await one.store.create(key, { apiVersion: "v1", kind: "Secret", metadata: { name: "x", namespace: "default" } });
  for (const removals of [[one.store.state(key)], undefined, "all", [{}]]) await other.removals.take({ removals });
  assert.equal(other.store.get(key), undefined);
});

test("where a removal cannot be taken the message's secrets are not either", async () => {
  const one = member(3_600_000);
  await one.denied.deny("a");
  await assert.rejects(member().removals.take(sent(one.removals.with({}))), /its clock is too far ahead/);
});

test("what a node was told when it joined is taken from the file once", async (t) => {
  const [one, joined] = [member(), member()];
  const file = fileOf(t);
  await joined.removals.takeFile(file);
  await one.denied.deny("a", 1000);
  writeFileSync(file, JSON.stringify(one.removals.known()));
  await joined.removals.takeFile(file);
  assert.equal(joined.denied.until("a"), 1000);
  assert.equal(existsSync(file), false);
});
