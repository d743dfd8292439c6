import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../api/kinds.ts";
import { serveInMemory } from "./api-server.fixture.ts";

type Served = Awaited<ReturnType<typeof serveInMemory>>;
// eslint-disable-next-line no-explicit-any -- tests look into answers of every shape
type Json = Record<string, any>;

async function call(
  server: Served,
  path: string,
  options: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
) {
  const { method = "GET", body, headers = {} } = options;
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (): Json => JSON.parse(text) as Json;
  return { code: response.status, text, json: text.startsWith("{") ? json() : {}, headers: response.headers };
}

const path = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string, rest: object = {}) => ({ metadata: { name }, ...rest });

test("an object is created, read, replaced, patched and deleted", async () => {
  await using server = await serveInMemory();
  const made = await call(server, path, { method: "POST", body: configMap("a", { data: { x: "1" } }) });
  assert.equal(made.code, 201);
  assert.deepEqual([made.json["kind"], made.json["apiVersion"]], ["ConfigMap", "v1"]);
  const replaced = await call(server, `${path}/a`, { method: "PUT", body: { ...made.json, data: { x: "2" } } });
  assert.deepEqual(replaced.json["data"], { x: "2" });
  const type = { "content-type": "application/merge-patch+json" };
  const patched = await call(server, `${path}/a`, { method: "PATCH", body: { data: { y: "3" } }, headers: type });
  assert.deepEqual(patched.json["data"], { x: "2", y: "3" });
  const read = await call(server, `${path}/a`);
  assert.deepEqual(read.json, patched.json);
  const deleted = await call(server, `${path}/a`, { method: "DELETE" });
  assert.deepEqual([deleted.code, deleted.json["status"]], [200, "Success"]);
  assert.equal((await call(server, `${path}/a`)).code, 404);
});

const refusals: {
  title: string;
  path: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  code: number;
  message: RegExp;
}[] = [
  { title: "an object that is not there", path: `${path}/no`, code: 404, message: /^configmaps "no" not found$/ },
  {
    title: "an unknown resource",
    path: "/api/v1/things",
    code: 404,
    message: /^the server could not find the requested resource$/,
  },
  { title: "a body that is no JSON", path, method: "POST", body: "{", code: 400, message: /Cannot parse the body/ },
  { title: "no body", path, method: "POST", code: 400, message: /no body/ },
  {
    title: "another kind",
    path,
    method: "POST",
    body: { kind: "Pod", apiVersion: "v1" },
    code: 400,
    message: /Pod in version "v1" cannot be handled as a ConfigMap/,
  },
  {
    title: "another version",
    path,
    method: "POST",
    body: { apiVersion: "v2" },
    code: 400,
    message: /does not match the expected API version \(v1\)/,
  },
  {
    title: "another namespace",
    path,
    method: "POST",
    body: { metadata: { name: "a", namespace: "b" } },
    code: 400,
    message: /does not match the namespace sent on the request/,
  },
  {
    title: "an unknown field in strict mode",
    path: `${path}?fieldValidation=Strict`,
    method: "POST",
    body: configMap("a", { dat: {} }),
    code: 400,
    message: /strict decoding error: unknown field "dat"/,
  },
  {
    title: "a duplicate field in strict mode",
    path: `${path}?fieldValidation=Strict`,
    method: "POST",
    body: '{"metadata":{"name":"a","name":"b"}}',
    code: 400,
    message: /duplicate field "metadata.name"/,
  },
  {
    title: "a duplicate field of YAML in strict mode",
    path: `${path}?fieldValidation=Strict`,
    method: "POST",
    body: "metadata: {name: a}\ndata:\n  x: a\n  x: b\n",
    headers: { "content-type": "application/yaml" },
    code: 400,
    message: /duplicate field "data.x"/,
  },
  {
    title: "a body that is no YAML",
    path,
    method: "POST",
    body: "a: [",
    headers: { "content-type": "application/yaml" },
    code: 400,
    message: /Cannot parse the body/,
  },
  {
    title: "an unknown media type",
    path,
    method: "POST",
    body: "x",
    headers: { "content-type": "text/plain" },
    code: 415,
    message: /unknown format/,
  },
  {
    title: "an answer nobody can give",
    path,
    headers: { accept: "text/html" },
    code: 406,
    message: /only the following media types/,
  },
  {
    title: "server-side apply",
    path: `${path}/a`,
    method: "PATCH",
    body: "x",
    headers: { "content-type": "application/apply-patch+yaml" },
    code: 415,
    message: /server-side apply is not served yet/,
  },
  {
    title: "an unknown field selector",
    path: `${path}?fieldSelector=spec.x%3D1`,
    code: 400,
    message: /not a known field selector|not supported/,
  },
  {
    title: "a method that is not there",
    path,
    method: "PUT",
    body: {},
    code: 405,
    message: /does not allow this method/,
  },
  {
    title: "a version from the future",
    path: `${path}?resourceVersion=9000000000000000000`,
    code: 504,
    message: /Too large resource version/,
  },
  {
    title: "resourceVersionMatch alone",
    path: `${path}?resourceVersionMatch=Exact`,
    code: 422,
    message: /forbidden unless resourceVersion is provided/,
  },
  {
    title: "a body that is too large",
    path,
    method: "POST",
    body: configMap("a", { data: { x: "y".repeat(3_200_000) } }),
    code: 413,
    message: /Request entity too large: limit is 3145728/,
  },
  {
    title: "fields that stand twice, nested without end",
    path,
    method: "POST",
    body: `${'{"a":1,"a":'.repeat(100_000)}1${"}".repeat(100_000)}`,
    code: 400,
    message: /exceeded max depth/,
  },
  {
    title: "broken percent-encoding",
    path: "/api/v1/namespaces/%zz/pods",
    code: 400,
    message: /percent-encoding is broken/,
  },
];
test("refusals are Status objects with upstream's code and words", async (t) => {
  await using server = await serveInMemory();
  for (const { title, code, message, path: where, ...options } of refusals) {
    await t.test(title, async () => {
      const answer = await call(server, where, options);
      const status = answer.json as Status;
      assert.equal(answer.code, code, answer.text.slice(0, 300));
      assert.deepEqual([status.kind, status.status, status.code], ["Status", "Failure", code]);
      assert.match(status.message ?? "", message);
    });
  }
});

test("pages of a list show the state of the first page", async () => {
  await using server = await serveInMemory();
  const { objects } = server;
  for (const name of ["a", "b", "c", "d", "e"])
    await objects.create("ConfigMap", { metadata: { namespace: "default", name } });
  const names = (answer: Json): string[] => answer["items"].map((item: Json) => item["metadata"].name);
  const first = (await call(server, `${path}?limit=2`)).json;
  assert.deepEqual([names(first), first["metadata"].remainingItemCount], [["a", "b"], 3]);
  await objects.delete("ConfigMap", { namespace: "default", name: "d" });
  await objects.create("ConfigMap", { metadata: { namespace: "default", name: "bb" } });
  const second = (await call(server, `${path}?limit=2&continue=${first["metadata"].continue}`)).json;
  assert.deepEqual(names(second), ["c", "d"]);
  const third = (await call(server, `${path}?limit=2&continue=${second["metadata"].continue}`)).json;
  assert.deepEqual([names(third), third["metadata"].continue], [["e"], undefined]);
  assert.equal(third["metadata"].resourceVersion, first["metadata"].resourceVersion);
});

test("warnings of the lenient mode are headers, and the unknown field is gone", async () => {
  await using server = await serveInMemory();
  const made = await call(server, path, { method: "POST", body: configMap("a", { dat: {} }) });
  assert.equal(made.code, 201);
  assert.match(made.headers.get("warning") ?? "", /^299 - "unknown field \\"dat\\""/);
  assert.equal("dat" in made.json, false);
});

test("tables and metadata alone are given where they are asked for", async () => {
  await using server = await serveInMemory();
  await call(server, path, { method: "POST", body: configMap("a", { data: { x: "1" } }) });
  const table = await call(server, path, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
  assert.deepEqual([table.json["kind"], table.json["rows"][0].cells[0]], ["Table", "a"]);
  const partial = await call(server, path, {
    headers: { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" },
  });
  assert.equal(partial.json["items"][0].data, undefined);
  assert.equal(partial.json["items"][0].metadata.name, "a");
  const yaml = await call(server, `${path}/a`, { headers: { accept: "application/yaml" } });
  assert.match(yaml.text, /^apiVersion: v1$/m);
});

test("bodies may be YAML, and dry runs store nothing", async () => {
  await using server = await serveInMemory();
  const yaml = { "content-type": "application/yaml" };
  const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: 'yes'}\n";
  const dry = await call(server, `${path}?dryRun=All`, { method: "POST", body, headers: yaml });
  assert.deepEqual([dry.code, dry.json["data"]], [201, { colour: "yes" }]);
  assert.equal((await call(server, `${path}/a`)).code, 404);
});

test("YAML is read as Kubernetes reads it: 0644 is octal", async () => {
  await using server = await serveInMemory();
  const headers = { "content-type": "application/yaml" };
  const body = `{spec: {containers: [{name: a, image: b}], volumes: [{name: v, secret: {secretName: s, defaultMode: 0644}}]}, metadata: {name: p}}`;
  const made = await call(server, "/api/v1/namespaces/default/pods?dryRun=All", { method: "POST", body, headers });
  assert.equal(made.json["spec"].volumes[0].secret.defaultMode, 420);
});

test("deletecollection deletes what matches and nothing else", async () => {
  await using server = await serveInMemory();
  for (const [name, labels] of [
    ["a", { x: "1" }],
    ["b", { x: "2" }],
    ["c", {}],
  ] as const) {
    await server.objects.create("ConfigMap", { metadata: { namespace: "default", name, labels } });
  }
  const answer = await call(server, `${path}?labelSelector=x`, { method: "DELETE" });
  assert.equal(answer.json["items"].length, 2);
  assert.deepEqual(
    server.objects.list("ConfigMap", "default").map(({ metadata }) => metadata?.name),
    ["c"],
  );
});

test("scale reads and writes the replicas alone", async () => {
  await using server = await serveInMemory();
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "busybox" }] } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  await server.objects.create("Deployment", { metadata: { namespace: "default", name: "web" }, spec });
  const where = "/apis/apps/v1/namespaces/default/deployments/web/scale";
  const scale = (await call(server, where)).json;
  assert.deepEqual([scale["kind"], scale["spec"], scale["status"].selector], ["Scale", { replicas: 2 }, "app=web"]);
  const type = { "content-type": "application/merge-patch+json" };
  const patched = await call(server, where, { method: "PATCH", body: { spec: { replicas: 5 } }, headers: type });
  assert.deepEqual(patched.json["spec"], { replicas: 5 });
  assert.equal(server.objects.get("Deployment", { namespace: "default", name: "web" })?.spec?.replicas, 5);
  const wrong = await call(server, where, { method: "PATCH", body: { spec: { replicas: -1 } }, headers: type });
  assert.deepEqual([wrong.code, wrong.json["reason"]], [422, "Invalid"]);
});

test("health needs no token, everything else does", async () => {
  await using server = await serveInMemory({ authenticateLoopback: true });
  assert.equal((await call(server, "/readyz")).text, "ok");
  assert.match((await call(server, "/livez?verbose")).text, /\[\+\]ping ok\nlivez check passed/);
  assert.equal((await call(server, "/api/v1/health")).json["status"], "ok");
  for (const where of ["/api", "/version", "/metrics", path]) {
    const refused = await call(server, where);
    assert.deepEqual([refused.code, refused.json["reason"]], [401, "Unauthorized"]);
  }
  const { token } = await server.tokens.create("test", 0);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await call(server, path, { headers })).code, 200);
});

test("an owner may act as somebody else, and then has that one's rights", async () => {
  await using server = await serveInMemory({ authenticateLoopback: true });
  const { token } = await server.tokens.create("test", 0);
  const as = (user?: string, group?: string) => ({
    authorization: `Bearer ${token}`,
    ...(user === undefined ? {} : { "impersonate-user": user }),
    ...(group === undefined ? {} : { "impersonate-group": group }),
  });
  const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const who = async (...headers: Parameters<typeof as>): Promise<unknown> =>
    (await call(server, review, { method: "POST", body: {}, headers: as(...headers) })).json["status"]?.userInfo;
  assert.deepEqual(await who("jane"), { username: "jane", groups: ["system:authenticated"] });
  const account = "system:serviceaccount:default:builder";
  const groups = ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"];
  assert.deepEqual(await who(account), { username: account, groups });
  assert.equal((await call(server, path, { headers: as("jane") })).code, 403);
  assert.equal((await call(server, path, { headers: as("jane", "system:masters") })).code, 200);
  assert.equal((await call(server, path, { headers: as(undefined, "system:masters") })).code, 400);
});

test("requests are counted by what they ask for", async () => {
  await using server = await serveInMemory();
  await call(server, path);
  await call(server, `${path}/missing`);
  await call(server, `${path}?watch=true&timeoutSeconds=1`);
  await call(server, path, { method: "DELETE" });
  await call(server, "/version");
  const { text } = await call(server, "/metrics");
  for (const [verb, resource, code] of [
    ["LIST", "configmaps", 200],
    ["GET", "configmaps", 404],
    ["WATCH", "configmaps", 200],
    ["DELETECOLLECTION", "configmaps", 200],
    ["GET", "", 200],
  ] as const) {
    const labels = `verb="${verb}",group="",resource="${resource}",subresource="",code="${code}"`;
    assert.ok(text.includes(`apiserver_request_total{${labels}} 1\n`), `${labels}\n${text}`);
  }
});

test("what keeps the API from serving fails readiness; what keeps pods from running is only told", async () => {
  let [disk, podman]: (string | undefined)[] = [];
  const checks = [
    { name: "store", of: "api", check: () => disk },
    { name: "node", of: "node", check: () => podman },
  ] as const;
  await using server = await serveInMemory({ checks });
  const codes = async (...paths: string[]): Promise<number[]> =>
    Promise.all(paths.map(async (one) => (await call(server, one)).code));
  const all = ["/readyz", "/healthz", "/livez", "/healthz/node", "/api/v1/health"];
  assert.deepEqual(await codes(...all), [200, 200, 200, 200, 200]);
  podman = "Podman does not answer";
  assert.deepEqual(await codes(...all), [200, 200, 200, 500, 200]);
  assert.deepEqual((await call(server, "/api/v1/health")).json["failed"], ["node"]);
  disk = "the disk is full";
  assert.deepEqual(await codes(...all), [500, 500, 200, 500, 500]);
  const { text } = await call(server, "/readyz");
  assert.match(text, /\[-\]store failed: reason withheld\nreadyz check failed/);
  assert.doesNotMatch(text, /full|node/);
});

test("web pages get in by the allow-list only", async () => {
  await using server = await serveInMemory({ authenticateLoopback: true, corsOrigins: ["https://ok.example"] });
  const asked = { "access-control-request-method": "GET" };
  const allowed = await call(server, path, { method: "OPTIONS", headers: { origin: "https://ok.example", ...asked } });
  assert.deepEqual([allowed.code, allowed.headers.get("access-control-allow-origin")], [204, "https://ok.example"]);
  const other = await call(server, path, { method: "OPTIONS", headers: { origin: "https://no.example", ...asked } });
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});
