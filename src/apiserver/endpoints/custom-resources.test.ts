import assert from "node:assert/strict";
import { test } from "node:test";
import { serveInMemory } from "../api-server.fixture.ts";

test("the list of custom resource definitions is empty, and they can not be made", async () => {
  await using server = await serveInMemory();
  const url = `${server.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions`;
  const listed = await fetch(`${url}?limit=500`);
  assert.equal(listed.status, 200);
  assert.deepEqual(((await listed.json()) as { items: unknown[] }).items, []);
  assert.equal((await fetch(url, { method: "POST", body: "{}" })).status, 404);
  assert.equal((await fetch(`${url}/a.b`)).status, 404);
});
