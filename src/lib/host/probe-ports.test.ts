import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { listenOnFreePort } from "../../../test/support/free-ports.ts";
import { agentPorts } from "./probe-ports.ts";
import { findRunningAgent, hostLockName } from "./running-agent.ts";

test("ports that nobody has are fine, and one that another program has is named", async () => {
  const server = await listenOnFreePort();
  const { port } = server.address() as { port: number };
  const question = {
    rootless: false,
    dataDir: "/data",
    podmanSocket: "/podman.sock",
    resolvers: [],
    ports: { api: { host: "127.0.0.1", port }, http: { host: "127.0.0.1", port }, ingress: [] },
  };
  const taken = await agentPorts.run(question, new AbortController().signal);
  // Where an agent of this user runs on the machine, the ports are its own.
  const agent = await findRunningAgent();
  if (agent) assert.match(taken.detail, new RegExp(`held by the agent that runs here, pid ${agent.pid}`));
  else assert.match(taken.detail, new RegExp(`port ${port} on 127.0.0.1 cannot be bound: EADDRINUSE`));
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await agentPorts.run(question, new AbortController().signal)).result, "ok");
});

test("an agent that holds the host is found by whoever asks", async () => {
  const name = `${hostLockName()}/test-${process.pid}`;
  assert.equal(await findRunningAgent(name), undefined);
  const holder = createServer((socket) => socket.end(JSON.stringify({ pid: 7, dataDir: "/data" })));
  await new Promise<void>((resolve) => holder.listen({ path: `\0${name}` }, resolve));
  assert.deepEqual(await findRunningAgent(name), { pid: 7, dataDir: "/data" });
  await new Promise((resolve) => holder.close(resolve));
});

test("a cluster port whose UDP half somebody has is named", async (t) => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  t.after(() => void socket.close());
  await once(socket, "listening");
  const { port } = socket.address();
  const free = { host: "127.0.0.1", port: 0 };
  const question = {
    rootless: false,
    dataDir: "/data",
    podmanSocket: "/podman.sock",
    resolvers: [],
    ports: { api: free, http: free, ingress: [], cluster: { host: "127.0.0.1", port } },
  };
  const taken = await agentPorts.run(question, new AbortController().signal);
  if (!(await findRunningAgent())) {
    assert.match(taken.detail, new RegExp(`UDP port ${port} on 127.0.0.1 cannot be bound: EADDRINUSE`));
    assert.match(taken.fix ?? "", /--bind-addr/);
  }
});
