import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError } from "./agent-config.ts";
import { loadConfig } from "./load-config.ts";
import { readSettings } from "./read-settings.ts";

const load = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  loadConfig((await readSettings(argv, env)).settings, env);

test("without flags the documented defaults hold", async () => {
  const config = await load([]);
  assert.deepEqual(config.apiAddr, { host: "0.0.0.0", port: 6443 });
  assert.deepEqual(config.httpAddr, { host: "127.0.0.1", port: 8080 });
  assert.equal(config.enableApiAuth, true);
  assert.equal(config.podCidr, "10.42.0.0/16");
  assert.equal(config.clusterDomain, "cluster.local");
});

test("flags win over the prefixed environment, that over the plain one, that over the file", async () => {
  const directory = mkdtempSync(join(tmpdir(), "config-"));
  try {
    const file = join(directory, "agent.yaml");
    writeFileSync(file, "node-name: from-file\ningress-port: 8081\nlabels: {zone: a, disk: ssd}\n");
    const env = { PODMAN_SWARM_NODE_NAME: "prefixed", NODE_NAME: "plain" };
    assert.equal((await load(["--config", file, "--node-name=flag"], env)).nodeName, "flag");
    assert.equal((await load([`--config=${file}`], env)).nodeName, "prefixed");
    assert.equal((await load([`--config=${file}`], { NODE_NAME: "plain" })).nodeName, "plain");
    const config = await load([`--config=${file}`]);
    assert.equal(config.nodeName, "from-file");
    assert.equal(config.ingressPort, 8081);
    assert.deepEqual(config.labels, { zone: "a", disk: "ssd" });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a secret is read from a file and never shown in an error", async () => {
  const directory = mkdtempSync(join(tmpdir(), "config-"));
  try {
    const file = join(directory, "token");
    writeFileSync(file, "0123456789abcdef0123\n");
    assert.equal((await load([`--api-token-file=${file}`])).apiToken, "0123456789abcdef0123");
    await assert.rejects(load(["--api-token=short-one"]), (error: Error) => !error.message.includes("short-one"));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const refusals: readonly (readonly [string[], RegExp])[] = [
  [["--ingress-port=http"], /--ingress-port "http": expected a port from 1 to 65535/],
  [["--http-addr=0.0.0.0:8080"], /--http-addr 0\.0\.0\.0: plain HTTP .* add --insecure-http/],
  [["--api-addr=6443"], /--api-addr "6443": expected HOST:PORT/],
  [["--enable-ingress=maybe"], /--enable-ingress "maybe": expected true or false/],
  [["--pod-cidr=10.42.0.1/16"], /--pod-cidr "10\.42\.0\.1\/16": expected an IPv4 range/],
  [["--pod-cidr=10.43.0.0/16"], /overlap/],
  [["--node-name=My_Node"], /--node-name "My_Node": expected lower-case/],
  [["--labels=a b"], /--labels "a b": "a b" is not a valid label/],
  [["--log-level=loud"], /expected one of debug, info, warn, error/],
  [["--nonsense"], /Unknown option '--nonsense'/],
  [["--config=/does/not/exist"], /Cannot read --config \/does\/not\/exist/],
];

for (const [argv, message] of refusals) {
  test(`${argv.join(" ")} is refused with the setting and the fix`, async () => {
    await assert.rejects(load(argv), (error: unknown) => error instanceof ConfigError && message.test(error.message));
  });
}

test("plain HTTP on a reachable address needs an explicit word", async () => {
  assert.deepEqual((await load(["--http-addr=0.0.0.0:8080", "--insecure-http"])).httpAddr, {
    host: "0.0.0.0",
    port: 8080,
  });
});
