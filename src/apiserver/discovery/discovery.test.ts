import assert from "node:assert/strict";
import { test } from "node:test";
import { serveInMemory } from "../api-server.fixture.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

interface Aggregated {
  kind: string;
  items: {
    metadata: { name: string };
    versions: { version: string; resources: { resource: string; scope: string }[] }[];
  }[];
}

test("both forms of discovery name the same resources", async () => {
  await using server = await serveInMemory();
  const get = async (path: string, accept = "application/json"): Promise<unknown> =>
    (await fetch(`${server.url}${path}`, { headers: { accept } })).json();
  const names: { plain: string[]; aggregated: string[] } = { plain: [], aggregated: [] };
  for (const root of ["/api", "/apis"]) {
    const { kind, items } = (await get(root, AGGREGATED)) as Aggregated;
    assert.equal(kind, "APIGroupDiscoveryList");
    for (const { metadata, versions } of items) {
      for (const { version, resources } of versions) {
        const path = metadata.name === "" ? `/api/${version}` : `/apis/${metadata.name}/${version}`;
        names.aggregated.push(...resources.map(({ resource }) => `${path}/${resource}`));
        const plain = (await get(path)) as { kind: string; resources: { name: string }[] };
        assert.equal(plain.kind, "APIResourceList");
        names.plain.push(...plain.resources.flatMap(({ name }) => (name.includes("/") ? [] : `${path}/${name}`)));
      }
    }
  }
  assert.deepEqual(names.plain, names.aggregated);
  for (const one of [
    "/api/v1/pods",
    "/apis/apps/v1/deployments",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
  ]) {
    assert.ok(names.plain.includes(one), one);
  }
  assert.deepEqual(await get("/api"), { ...((await get("/api")) as object), kind: "APIVersions", versions: ["v1"] });
});

test("groups list their versions, and unknown ones are not found", async () => {
  await using server = await serveInMemory();
  const group = (await (await fetch(`${server.url}/apis/apps`)).json()) as { preferredVersion: object };
  assert.deepEqual(group.preferredVersion, { groupVersion: "apps/v1", version: "v1" });
  for (const path of ["/apis/no.example", "/apis/apps/v9", "/api/v2"]) {
    assert.equal((await fetch(`${server.url}${path}`)).status, 404, path);
  }
});

test("OpenAPI documents are found through their index and need not be sent twice", async () => {
  await using server = await serveInMemory();
  const index = (await (await fetch(`${server.url}/openapi/v3`)).json()) as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  const apps = await fetch(`${server.url}${index.paths["apis/apps/v1"]?.serverRelativeURL}`);
  const etag = apps.headers.get("etag") ?? "";
  assert.match(await apps.text(), /"io\.k8s\.api\.apps\.v1\.Deployment"/);
  assert.match(apps.headers.get("cache-control") ?? "", /immutable/);
  const again = await fetch(`${server.url}/openapi/v3/apis/apps/v1`, { headers: { "if-none-match": etag } });
  assert.equal(again.status, 304);
  assert.equal((await fetch(`${server.url}/openapi/v3/apis/no/v1`)).status, 404);
});

test("OpenAPI 2 is given as JSON and as the protobuf that kubectl asks for, each with its own tag", async () => {
  await using server = await serveInMemory();
  const url = `${server.url}/openapi/v2`;
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const encoded = await fetch(url, { headers: { accept } });
  const etag = encoded.headers.get("etag") ?? "";
  assert.equal(encoded.headers.get("content-type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  // Field 1, "swagger".
  assert.equal(
    Buffer.from(await encoded.arrayBuffer())
      .subarray(0, 5)
      .toString("latin1"),
    "\n\x032.0",
  );
  assert.equal((await fetch(url, { headers: { accept, "if-none-match": etag } })).status, 304);
  const json = await fetch(url, { headers: { accept: "application/json", "if-none-match": etag } });
  assert.equal(json.status, 200);
  assert.equal(((await json.json()) as { swagger: string }).swagger, "2.0");
  const unknown = { accept: "application/com.github.proto-openapi.spec.v3@v1.0+protobuf" };
  assert.equal((await fetch(`${server.url}/openapi/v3`, { headers: unknown })).status, 406);
});
