import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason } from "../../api/api-error.ts";
import { seededRandom } from "../../lib/random.ts";
import { Claims } from "./claims.ts";
import { openMemoryStore } from "../open-memory-store.ts";
import { Replicas } from "../simulation/replicas.ts";

const taken = (error: unknown): boolean => isReason(error, "AlreadyExists");

test("a value is held by one until it is released", async () => {
  const claims = new Claims({ store: openMemoryStore() });
  const results = await Promise.allSettled(["a", "b"].map((holder) => claims.claim("node-port", "30080", holder)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  await claims.claim("node-port", "30080", "a");
  await claims.claim("address", "10.96.0.1", "b");
  assert.deepEqual(claims.held("node-port"), [{ kind: "node-port", value: "30080", holder: "a" }]);
  await assert.rejects(claims.claim("node-port", "30080", "b"), taken);
  await claims.release("node-port", "30080", "b");
  assert.equal(claims.holder("node-port", "30080"), "a");
  await claims.release("node-port", "30080", "a");
  assert.deepEqual([claims.holder("node-port", "30080"), claims.held("node-port")], [undefined, []]);
  await claims.claim("node-port", "30080", "b");
  await claims.release("node-port", "30080", "b");
  await claims.claim("node-port", "30080", "a");
  assert.equal(claims.holder("node-port", "30080"), "a");
});

test("after a parting the lower create stamp keeps a value, and the other side is told", async () => {
  const replicas = new Replicas(seededRandom(1), { loss: 1 });
  const [a, b, c] = replicas.all.map(({ store }) => new Claims({ store }));
  assert.ok(a && b && c);
  await b.claim("range", "10.88.3.0/24", "node-b");
  replicas.advance(1000);
  await a.claim("range", "10.88.3.0/24", "node-a");
  const told: (string | undefined)[] = [];
  a.watch(({ holder }) => void told.push(holder), new AbortController().signal);
  await replicas.repair();
  assert.deepEqual(
    [a, b, c].map((claims) => claims.holder("range", "10.88.3.0/24")),
    ["node-b", "node-b", "node-b"],
  );
  assert.deepEqual(told, ["node-b"]);
  await a.release("range", "10.88.3.0/24", "node-a");
  await b.release("range", "10.88.3.0/24", "node-b");
  await replicas.repair();
  assert.deepEqual(
    [a, b, c].map((claims) => claims.holder("range", "10.88.3.0/24")),
    [undefined, undefined, undefined],
  );
  replicas.advance(2 * 86_400_000);
  await Promise.all(replicas.all.map(({ store }) => store.expire()));
  await replicas.repair();
  assert.ok(replicas.all.every(({ store }) => [...store.states()].length === 0));
});
