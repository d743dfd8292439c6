import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { freePorts } from "../../../test/support/free-ports.ts";
import { identifyProcess } from "./process-identity.ts";
import { systemClock } from "../../lib/clock.ts";
import type { SupervisorOptions } from "./supervisor-options.ts";

const here = import.meta.dirname;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Node {
  process: ChildProcess;
  output: () => string;
  exit: Promise<number | null>;
  /** The same once all of its output is read, which its children, too, must have closed. */
  closed: Promise<number | null>;
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "podman-swarm-supervisor-"));
  // Who was just told to stop may still write there.
  cleanups.push(() => rmSync(made, { recursive: true, force: true, maxRetries: 20 }));
  return made;
}

function child(name: "agent" | "dataplane", behaviour: string): SupervisorOptions["agent"] {
  return {
    name,
    file: process.execPath,
    args: [join(here, "test-support/echo-child.ts"), behaviour],
    env: process.env,
  };
}

function start(options: SupervisorOptions): Node {
  const started = spawn(process.execPath, [join(here, "test-support/supervise.ts"), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  started.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => started.once("exit", (code) => resolve(code)));
  const closed = new Promise<number | null>((resolve) => started.once("close", (code) => resolve(code)));
  cleanups.push(() => started.kill("SIGTERM"));
  return { process: started, output: () => output, exit, closed };
}

function ask(target: { port?: number; path?: string }): Promise<number> {
  const where = target.path === undefined ? { host: "127.0.0.1", port: target.port } : { socketPath: target.path };
  return new Promise((resolve, reject) => {
    request({ ...where, agent: false }, (response) => {
      response.setEncoding("utf8").on("data", (text: string) => resolve(Number(text)));
    })
      .on("error", reject)
      .end();
  });
}

async function setUp(overrides: Partial<SupervisorOptions> = {}) {
  const dataDir = directory();
  const [first = 0, second = 0] = await freePorts(2);
  const control = join(dataDir, "control.sock");
  const options: SupervisorOptions = {
    dataDir,
    sockets: [
      { name: "first", kind: "tcp", host: "127.0.0.1", port: first, to: "agent", flag: "--api-addr" },
      { name: "second", kind: "tcp", host: "127.0.0.1", port: second, to: "dataplane" },
      { name: "control", kind: "unix", path: control, to: "dataplane" },
    ],
    agent: child("agent", "serve"),
    dataplane: child("dataplane", "serve"),
    ...overrides,
  };
  return { options, first, second, control };
}

const answer = (port: number): Promise<number> => eventually(() => ask({ port }));

test("a child that is killed is back on the same socket, and no connection is refused meanwhile", async () => {
  const { options, first, second, control } = await setUp();
  const node = start(options);
  for (const [port, other] of [
    [first, second],
    [second, first],
  ] as const) {
    const [before, untouched] = [await answer(port), await answer(other)];
    process.kill(before, "SIGKILL");
    await eventually(() => !alive(before));
    const after = await ask({ port }); // not tried again: it must wait in the listen queue
    assert.notEqual(after, before);
    assert.equal(await answer(other), untouched);
  }
  assert.equal(await eventually(() => ask({ path: control })), await answer(second));
  node.process.kill("SIGTERM");
  assert.equal(await node.closed, 0);
  assert.match(node.output(), /"why":"signal SIGKILL"/);
});

test("children notice that the supervisor was killed, and its successor binds the same sockets", async () => {
  const { options, first, second } = await setUp();
  const node = start(options);
  const [agent, dataplane] = [await answer(first), await answer(second)];
  node.process.kill("SIGKILL");
  await eventually(() => !alive(agent) && !alive(dataplane), { what: "their end" });
  const next = start(options);
  assert.notEqual(await answer(first), agent);
  next.process.kill("SIGTERM");
  assert.equal(await next.exit, 0);
});

test("a successor waits for children that do not notice, and ends them", async () => {
  const { options, first } = await setUp({ agent: child("agent", "stubborn") });
  const node = start(options);
  const agent = await answer(first);
  node.process.kill("SIGKILL");
  await node.exit;
  start({ ...options, agent: child("agent", "serve") });
  // Five seconds are the wait itself.
  const after = await eventually(
    async () => {
      const pid = await ask({ port: first });
      return pid === agent ? undefined : pid;
    },
    { timeoutMs: 60_000, what: "another agent on the socket" },
  );
  assert.ok(!alive(agent) && alive(after));
});

test("a successor that is stopped does not wait until children end by themselves", async () => {
  const { options, first } = await setUp({ agent: child("agent", "stubborn") });
  const node = start(options);
  const agent = await answer(first);
  node.process.kill("SIGKILL");
  await node.exit;
  const next = start(options);
  await eventually(() => next.output().includes("waiting for its children to end"));
  const asked = systemClock.monotonic();
  next.process.kill("SIGTERM");
  assert.equal(await next.exit, 0);
  assert.ok(!alive(agent));
  assert.ok(systemClock.monotonic() - asked < 4000);
});

test("a second supervisor on the same data directory is refused by name", async () => {
  const { options, first } = await setUp();
  const node = start(options);
  await answer(first);
  const second = start(options);
  assert.equal(await second.closed, 1);
  assert.match(second.output(), new RegExp(`the agent with pid ${node.process.pid} already runs on it; .*--data-dir`));
  assert.ok((await answer(first)) > 0);
});

test("a socket in use refuses the start and names its holder and the flag", async () => {
  const { options, first } = await setUp();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(first, "127.0.0.1", resolve));
  cleanups.push(() => holder.close());
  const node = start(options);
  assert.equal(await node.closed, 1);
  assert.match(
    node.output(),
    new RegExp(
      `Cannot bind the first socket 127.0.0.1:${first}/tcp: the port is in use by .*\\(pid ${process.pid}\\); ` +
        "stop that process, or choose another port with --api-addr",
    ),
  );
});

test("a child that refuses to start ends the node with its code", async () => {
  const { options } = await setUp({ agent: child("agent", "refuse") });
  assert.equal(await start(options).exit, 78);
});

test("a child that fails at every start is started again with growing pauses", async () => {
  const { options } = await setUp({ agent: child("agent", "die") });
  const node = start(options);
  await eventually(() => node.output().includes('"afterMs":200'));
  assert.match(node.output(), /"why":"exit code 3","afterMs":0[^]*"afterMs":100[^]*"afterMs":200/);
  node.process.kill("SIGTERM");
  assert.equal(await node.exit, 0);
});

test("a child that does not stop when asked is killed", async () => {
  const { options, first } = await setUp({ agent: child("agent", "stubborn"), stopMs: 200 });
  const node = start(options);
  const agent = await answer(first);
  node.process.kill("SIGTERM");
  assert.equal(await node.closed, 0);
  assert.ok(!alive(agent));
  assert.match(node.output(), /did not stop in time and is killed/);
});

test("the supervisor's own memory stays small", async () => {
  const { options, first, second } = await setUp();
  const node = start(options);
  await Promise.all([answer(first), answer(second)]);
  const rollup = readFileSync(`/proc/${node.process.pid}/smaps_rollup`, "utf8");
  const kilobytes = Number(/^Private_Dirty:\s+(\d+)/m.exec(rollup)?.[1]);
  assert.ok(kilobytes > 0 && kilobytes < 40_000, `${kilobytes} kB of its own`);
});

const alive = (pid: number): boolean => identifyProcess(pid) !== undefined;

test("a UDP port that a child will bind itself is refused before the children start, with its holder", async () => {
  const taken = createSocket("udp4").bind(0, "127.0.0.1");
  cleanups.push(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address();
  const probed = [{ name: "cluster", kind: "udp", host: "127.0.0.1", port, to: "agent", flag: "--bind-addr" }] as const;
  const node = start((await setUp({ probed })).options);
  assert.equal(await node.closed, 1);
  const said = `Cannot bind the cluster socket 127.0.0.1:${port}/udp: the port is in use by .*\\(pid ${process.pid}\\); stop that process, or choose another port with --bind-addr`;
  assert.match(node.output(), new RegExp(`^${said}\n$`));
});
