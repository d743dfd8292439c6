import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { serveInMemory } from "../api-server.fixture.ts";

type Answer = { code: number; body: Record<string, unknown> };

async function call(url: string, method = "GET", body?: string, type = "application/yaml"): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body, headers: { "content-type": type } }),
  });
  return { code: response.status, body: (await response.json()) as Record<string, unknown> };
}

const MANIFEST = `
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {x: "1"}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec: {selector: {app: web}, ports: [{port: 80}]}
`;

test("a manifest of several documents says what happened to each object", async () => {
  await using server = await serveInMemory();
  const url = `${server.url}/api/v1/manifests`;
  const results = async (text: string): Promise<string[]> => {
    const { body } = await call(url, "POST", text);
    return (body["results"] as { kind: string; name: string; result: string }[]).map(
      (one) => `${one.kind} ${one.name} ${one.result}`,
    );
  };
  assert.deepEqual(await results(MANIFEST), ["ConfigMap web created", "Service web created"]);
  const address = server.objects.get("Service", { namespace: "default", name: "web" })?.spec?.clusterIP;
  assert.deepEqual(await results(MANIFEST.replace('"1"', '"2"')), [
    "ConfigMap web configured",
    "Service web unchanged",
  ]);
  assert.equal(server.objects.get("Service", { namespace: "default", name: "web" })?.spec?.clusterIP, address);
  const deleted = await call(`${url}/default/web`, "DELETE");
  assert.equal((deleted.body["results"] as unknown[]).length, 2);
  assert.equal((await call(`${url}/default/web`, "DELETE")).code, 404);
});

test("a manifest with a mistake in it changes nothing", async () => {
  await using server = await serveInMemory();
  const url = `${server.url}/api/v1/manifests`;
  const wrong = `${MANIFEST}---\napiVersion: v1\nkind: Thing\nmetadata: {name: x}\n`;
  const { code, body } = await call(url, "POST", wrong);
  assert.deepEqual([code, body["message"]], [400, 'Cannot apply the manifest: no kind "Thing" is served in "v1"']);
  assert.equal(server.objects.get("ConfigMap", { namespace: "default", name: "web" }), undefined);
});

test("a token is shown once, works, and is gone when it is deleted", async () => {
  await using server = await serveInMemory({ authenticateLoopback: true });
  const admin = await server.tokens.create("admin", 0);
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  const url = `${server.url}/api/v1/tokens`;
  const made = await fetch(url, {
    method: "POST",
    headers: as(admin.token),
    body: JSON.stringify({ name: "ci", expires_in: 3600 }),
  });
  const { id, token, expires_at: expires } = (await made.json()) as { id: string; token: string; expires_at: string };
  assert.equal(made.status, 201);
  assert.ok(Date.parse(expires) > systemClock.now() + 3_000_000);
  const listed = await (await fetch(url, { headers: as(token) })).text();
  assert.match(listed, new RegExp(id));
  assert.doesNotMatch(listed, new RegExp(token));
  assert.equal((await fetch(`${url}/${id}`, { method: "DELETE", headers: as(admin.token) })).status, 200);
  assert.equal((await fetch(url, { headers: as(token) })).status, 401);
});

test("a service's addresses are those of its ready endpoints", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  const metadata = { namespace: "default", name: "web" };
  await objects.create("Service", { metadata, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } });
  const labels = { "kubernetes.io/service-name": "web" };
  await objects.create("EndpointSlice", {
    metadata: { ...metadata, labels },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: [
      { addresses: ["10.42.0.5"], conditions: { ready: true } },
      { addresses: ["10.42.0.6"], conditions: { ready: false } },
    ],
  });
  const { body } = await call(`${url}/api/v1/services/default/web/addresses`);
  assert.deepEqual(body, { service: "web", namespace: "default", addresses: ["10.42.0.5:8080"] });
  assert.equal((await call(`${url}/api/v1/services/default/no/addresses`)).code, 404);
});

test("workloads have short paths", async () => {
  await using server = await serveInMemory();
  const metadata = { namespace: "default", name: "a" };
  await server.objects.create("Pod", { metadata, spec: { containers: [{ name: "main", image: "busybox" }] } });
  assert.equal((await call(`${server.url}/api/v1/pods/default/a`)).body["kind"], "Pod");
  assert.equal((await call(`${server.url}/api/v1/deployments`)).body["kind"], "DeploymentList");
  assert.equal((await call(`${server.url}/api/v1/deployments/default/no`)).code, 404);
});
