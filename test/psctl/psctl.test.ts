import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serveInMemory } from "../../src/apiserver/api-server.fixture.ts";
import { runPsctl } from "../../src/cli/psctl.ts";

let served: Awaited<ReturnType<typeof serveInMemory>>;
let folder: string;

before(async () => {
  served = await serveInMemory();
  folder = mkdtempSync(join(tmpdir(), "psctl-"));
});

after(async () => {
  await served?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs psctl against the server in memory; `input` is what it finds on standard input. */
async function psctl(
  words: readonly string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const texts = { out: "", err: "" };
  const code = await runPsctl(words, {
    streams: {
      out: (text) => (texts.out += text),
      err: (text) => (texts.err += text),
      input: () => Promise.resolve(input),
      terminal: false,
    },
    env: { PSCTL_SERVER: served.url, PSCTL_CONFIG: join(folder, "config"), ...env },
    signal: new AbortController().signal,
  });
  return { code, ...texts };
}

const manifest = (image: string, extra = ""): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {tier: front}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "${image}"}
${extra}---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
`;

test("apply creates, leaves alone what is as wanted, and changes only what differs", async () => {
  assert.deepEqual(await psctl(["apply", "-f", "-"], { input: manifest("x:1", "      - {name: extra, image: z}\n") }), {
    code: 0,
    out: "deployment.apps/web created\nconfigmap/settings created\n",
    err: "",
  });
  const again = await psctl(["apply", "-f", "-"], { input: manifest("x:1", "      - {name: extra, image: z}\n") });
  assert.equal(again.out, "deployment.apps/web unchanged\nconfigmap/settings unchanged\n");
  const changed = await psctl(["apply", "-f", "-"], { input: manifest("x:2") });
  assert.equal(changed.out, "deployment.apps/web configured\nconfigmap/settings unchanged\n");
  const images = await psctl(["get", "deploy/web", "-o", "jsonpath={.spec.template.spec.containers[*].image}"]);
  assert.equal(images.out, "x:2", "the container that left the manifest is gone");
});

test("apply says what is wrong with which object, and goes on with the others", async () => {
  const input =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken}\ndata: {a: 1}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n";
  const { code, out, err } = await psctl(["apply", "-f", "-"], { input });
  assert.equal(code, 1);
  assert.equal(out, "configmap/good created\n");
  assert.match(err, /^Error: configmap\/broken: .*data/);
});

test("apply says which file it cannot read, and which object has no name", async () => {
  const missing = join(folder, "missing.yaml");
  assert.deepEqual(await psctl(["apply", "-f", missing]), {
    code: 1,
    out: "",
    err: `error: Cannot read ${missing}: it does not exist\n`,
  });
  const { err } = await psctl(["apply", "-f", "-"], { input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n" });
  assert.equal(err, "Error: configmap/: metadata.name: Required value: apply needs a name\n");
});

test("what apply keeps of a manifest is written as kubectl writes it", async () => {
  const input =
    'kind: ConfigMap\nmetadata: {namespace: default, name: kept, labels: {b: "1", a: "2"}}\napiVersion: v1\ndata: {k: "<&>"}\n';
  await psctl(["apply", "-f", "-"], { input });
  const template = "jsonpath={.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}";
  const { out } = await psctl(["get", "cm", "kept", "-o", template]);
  assert.equal(
    out,
    '{"apiVersion":"v1","data":{"k":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap","metadata":{"annotations":{},"labels":{"a":"2","b":"1"},"name":"kept","namespace":"default"}}\n',
  );
});

test("JSON and YAML have their keys in kubectl's order, and strings that look like times are quoted", async () => {
  const { out } = await psctl(["get", "cm", "settings", "-o", "json"]);
  const keys = [...out.matchAll(/^ {4}"(\w+)":/gm)].map(([, key]) => key);
  assert.deepEqual(keys, ["apiVersion", "data", "kind", "metadata"]);
  const yaml = (await psctl(["get", "deploy", "web", "-o", "yaml"])).out;
  assert.match(yaml, /^ {2}creationTimestamp: "\d{4}-[^"]+Z"$/m);
  assert.match(yaml, /^ {6}containers:\n {6}- image: /m);
});

test("get prints kubectl's tables, names, columns and YAML", async () => {
  const table = await psctl(["get", "configmaps", "settings"]);
  assert.match(table.out, /^NAME {7}DATA {3}AGE\nsettings {3}1 {6}\d+s\n$/);
  assert.equal(
    (await psctl(["get", "cm/settings", "deploy/web", "-o", "name"])).out,
    "configmap/settings\ndeployment.apps/web\n",
  );
  const columns = await psctl(["get", "deploy", "-o", "custom-columns=WHO:.metadata.name,LABEL:.metadata.labels.tier"]);
  assert.equal(columns.out, "WHO   LABEL\nweb   front\n");
  assert.match((await psctl(["get", "cm", "settings", "-o", "yaml"])).out, /^data:\n {2}color: blue$/m);
  assert.match((await psctl(["get", "deploy", "-l", "tier=back"])).err, /No resources found in default namespace/);
  assert.match((await psctl(["get", "cm,deploy", "--show-labels"])).out, /deployment\.apps\/web +\S+ .* tier=front\n/);
});

test("what does not exist is a failure with the server's words", async () => {
  assert.deepEqual(await psctl(["get", "pod", "nothing"]), {
    code: 1,
    out: "",
    err: 'Error from server (NotFound): pods "nothing" not found\n',
  });
  assert.equal((await psctl(["get", "pod", "nothing", "--ignore-not-found"])).code, 0);
  assert.match((await psctl(["get", "gadgets"])).err, /the server doesn't have a resource type "gadgets"/);
});

test("scale changes the replicas, and only from the expected number", async () => {
  assert.equal((await psctl(["scale", "deploy/web", "--replicas=5"])).out, "deployment.apps/web scaled\n");
  assert.equal((await psctl(["get", "deploy/web", "-o", "jsonpath={.spec.replicas}"])).out, "5");
  assert.match(
    (await psctl(["scale", "deploy/web", "--replicas=1", "--current-replicas=2"])).err,
    /Expected replicas to be 2, was 5/,
  );
});

test("describe shows the object's parts and not what apply keeps for itself", async () => {
  const { out } = await psctl(["describe", "deploy", "web"]);
  assert.match(out, /^Name: +web$/m);
  assert.match(out, /^Selector: +app=web$/m);
  assert.match(out, /^ +Image: +x:2$/m);
  assert.match(out, /^Events: +<none>$/m);
  assert.doesNotMatch(out, /last-applied/);
});

test("delete removes, waits, and tells what was not there", async () => {
  assert.equal(
    (await psctl(["delete", "deploy/web", "cm/settings"])).out,
    'deployment.apps "web" deleted\nconfigmap "settings" deleted\n',
  );
  const missing = await psctl(["delete", "cm", "settings"]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /NotFound/);
  assert.match((await psctl(["delete", "cm"])).err, /Name what to delete/);
});

test("contexts are kept in a private file, and tokens are not shown", async () => {
  const file = join(folder, "config");
  const env = { PSCTL_SERVER: "" };
  writeFileSync(join(folder, "token"), "secret-token\n");
  assert.equal((await psctl(["config", "set-server", served.url, "--context=lab"])).code, 0);
  assert.equal(
    (await psctl(["config", "set-token", "--token-file", join(folder, "token"), "--context", "lab"])).code,
    0,
  );
  assert.equal((await psctl(["config", "use-context", "lab"])).code, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch((await psctl(["config", "view"])).out, /secret-token/);
  assert.match((await psctl(["get", "ns"], { env })).err, /Unauthorized/);
  assert.equal((await psctl(["config", "get-location"])).out, `${file}\n`);
});

const mistakes: readonly (readonly [string[], RegExp])[] = [
  [["frobnicate"], /unknown command "frobnicate"/],
  [["get"], /You must name a kind/],
  [["get", "pods", "-o", "xml"], /-o "xml": expected table, wide/],
  [["scale", "deploy/web"], /--replicas=N is needed/],
  [["get", "pods", "--nonsense"], /Unknown option '--nonsense'/],
  [["apply"], /Name a manifest with -f FILE/],
  [["rollout", "forwards", "deploy/web"], /expected one of status, history/],
  [["delete", "pod", "x", "--cascade=maybe"], /--cascade "maybe": expected background/],
];

for (const [words, message] of mistakes) {
  test(`psctl ${words.join(" ")} is not understood, and says why`, async () => {
    const { code, err } = await psctl(words);
    assert.equal(code, 2);
    assert.match(err, message);
  });
}

test("a server given beside a kubeconfig is the one that is asked", async () => {
  const kubeconfig = join(folder, "kubeconfig");
  const cluster = { name: "c", cluster: { server: served.url } };
  const context = { name: "x", context: { cluster: "c", user: "u" } };
  const config = { "current-context": "x", clusters: [cluster], contexts: [context], users: [] };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const get = ["get", "namespaces", "default", "-o", "name", `--kubeconfig=${kubeconfig}`];
  assert.equal((await psctl(get)).out, "namespace/default\n");
  const elsewhere = await psctl([...get, "--server=http://127.0.0.1:1"]);
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.err, /127\.0\.0\.1:1/);
  const missing = await psctl(["get", "pods", `--kubeconfig=${join(folder, "nosuch")}`]);
  assert.equal(missing.err, `error: Cannot read ${join(folder, "nosuch")}: it does not exist\n`);
});

test("a server that is not there is named, with where its name came from", async () => {
  const { code, err } = await psctl(["get", "pods"], { env: { PSCTL_SERVER: "http://127.0.0.1:1" } });
  assert.equal(code, 1);
  assert.match(err, /Cannot reach http:\/\/127\.0\.0\.1:1: nothing listens there.*PSCTL_SERVER/s);
});
