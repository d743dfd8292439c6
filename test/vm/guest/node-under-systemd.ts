import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, afterEach, test, type TestContext } from "node:test";
import { root } from "../../../scripts/root.ts";
import type { Pod } from "../../../src/api/kinds.ts";
import { runProgram } from "../../../src/lib/host/run-program.ts";
import { eventually } from "../../poll.ts";

/** A node as its user would have it: of the newest build, with every default, kept by systemd. Run by that user. */
const UNIT = "podman-swarm-agent.service";
const isRoot = process.getuid?.() === 0;
const MANIFEST = join(root, "examples/hello.yaml");

afterEach(async (t) => {
  if ((t as TestContext & { passed: boolean }).passed) return; // not in the type yet
  console.log(await runProgram(["journalctl", ...user(), "-u", UNIT, "-o", "cat", "-n", "40"]));
});

after(async () => {
  await systemctl("disable", "--now", UNIT);
});

function user(): string[] {
  return isRoot ? [] : ["--user"];
}

function systemctl(...words: string[]): Promise<string> {
  return runProgram(["systemctl", ...user(), ...words]);
}

function psctl(words: readonly string[], input?: string): Promise<string> {
  return runProgram([join(root, "dist/psctl"), ...words], input === undefined ? {} : { input });
}

async function page(): Promise<string> {
  const options = { port: 80, path: "/", headers: { host: "hello.localhost" }, agent: false, timeout: 5000 } as const;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => get(options, resolve).once("error", reject));
  return await text(answer);
}

async function answers(): Promise<void> {
  await eventually(async () => (await page()).startsWith("Hello from hello-"), {
    timeoutMs: 30_000,
    what: "the ingress",
  });
}

async function pod(name: string): Promise<Pod> {
  return JSON.parse(await psctl(["get", "pod", name, "-o", "json"])) as Pod;
}

/** Ids of the running containers of the example. */
async function containers(): Promise<string[]> {
  const list = ["podman", "ps", "--no-trunc", "--quiet", "--filter=ancestor=localhost/podman-swarm/demo:1"] as const;
  return (await runProgram(list)).trim().split("\n").toSorted();
}

test("psctl init makes a unit of systemd that runs a working node", async () => {
  const told = await psctl(["init"]);
  assert.match(told, /The agent runs as the unit podman-swarm-agent\.service/);
  assert.match(told, /^The node works\.$/m);
  assert.equal((await systemctl("is-active", UNIT)).trim(), "active");
  assert.equal((await systemctl("is-enabled", UNIT)).trim(), "enabled");
});

test("the example is deployed, and the ingress answers on port 80", async () => {
  await psctl(["apply", "-f", MANIFEST]);
  await psctl(["rollout", "status", "deployment/hello", "--timeout", "120s"]);
  await answers();
  assert.equal((await containers()).length, 3);
});

test("a memory limit is the kernel's own", async () => {
  const [id = ""] = await containers();
  const limit = await runProgram(["podman", "exec", id, "cat", "/sys/fs/cgroup/memory.max"]);
  assert.equal(Number(limit), 64 * 2 ** 20);
  assert.doesNotMatch(await psctl(["get", "events"]), /limit/);
});

test("a container over its memory limit is OOMKilled", async () => {
  const container = {
    name: "main",
    image: "localhost/podman-swarm/busybox:1",
    command: ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"],
    resources: { limits: { memory: "16Mi" } },
  };
  const spec = { restartPolicy: "Never", containers: [container] };
  const body = { apiVersion: "v1", kind: "Pod", metadata: { name: "greedy" }, spec };
  await psctl(["apply", "-f", "-"], JSON.stringify(body));
  const ended = await eventually(async () => (await pod("greedy")).status?.containerStatuses?.[0]?.state?.terminated, {
    timeoutMs: 30_000,
    everyMs: 500,
    what: "its end",
  });
  assert.equal(ended.reason, "OOMKilled");
  assert.equal(ended.exitCode, 137);
  await psctl(["delete", "pod", "greedy"]);
});

test("a killed node is started again by systemd and touches no container", async () => {
  const before = await containers();
  await systemctl("kill", "--signal=SIGKILL", UNIT);
  await eventually(async () => Number((await systemctl("show", "--property=NRestarts", "--value", UNIT)).trim()) >= 1, {
    timeoutMs: 30_000,
    what: "a restart",
  });
  await answers();
  assert.deepEqual(await containers(), before);
});

test("stopping the unit leaves the containers, and starting it takes them up", async () => {
  const before = await containers();
  await systemctl("stop", UNIT);
  assert.deepEqual(await containers(), before);
  await assert.rejects(page(), /ECONNREFUSED/);
  await systemctl("start", UNIT);
  await answers();
  await psctl(["rollout", "status", "deployment/hello", "--timeout", "60s"]);
  assert.deepEqual(await containers(), before);
});

test("what was deployed is removed again", async () => {
  await psctl(["delete", "-f", MANIFEST]);
  await eventually(async () => (await containers()).join("") === "", { timeoutMs: 60_000, what: "no containers" });
});
