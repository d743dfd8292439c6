import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { silentLogger } from "../lib/log.ts";
import { MembershipClient, type MembershipClientOptions } from "./membership-client.ts";
import type { Report } from "./protocol/effects.ts";
import type { MembershipConfig } from "./worker-messages.ts";

const key = Buffer.alloc(32, 1);

interface Running {
  readonly client: MembershipClient;
  readonly reports: Report[];
  stop(): Promise<void>;
}

async function start(
  name: string,
  config: Partial<MembershipConfig> = {},
  options: MembershipClientOptions = {},
): Promise<Running> {
  const own = { name, bind: { host: "127.0.0.1", port: 0 }, keys: [key], ...config };
  const client = await MembershipClient.open({ log: silentLogger }, own, options);
  const end = new AbortController();
  const ended = client.run(end.signal);
  const reports: Report[] = [];
  client.subscribe((report) => void reports.push(report), end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await ended;
  };
  return { client, reports, stop };
}

async function using(names: readonly string[], work: (nodes: Running[]) => Promise<void>): Promise<void> {
  const nodes = await Promise.all(names.map((name) => start(name)));
  try {
    const [first] = nodes as [Running];
    for (const { client } of nodes.slice(1)) assert.equal(await client.join([address(first)]), 1);
    await eventually(() => nodes.every(({ client }) => client.members().length === names.length));
    await work(nodes);
  } finally {
    await Promise.all(nodes.map(({ stop }) => stop()));
  }
}

function address({ client }: Running): string {
  return `${client.endpoint.host}:${client.endpoint.port}`;
}

function stateOf({ client }: Running, name: string): string | undefined {
  return client.members().find((member) => member.name === name)?.state;
}

test("nodes join, tell their metadata and messages, and leave", () =>
  using(["a", "b"], async (nodes) => {
    const [a, b] = nodes as [Running, Running];
    await b.client.updateMeta(Buffer.from("ready"));
    assert.equal(Buffer.from(b.client.self().meta).toString(), "ready");
    await eventually(() => a.reports.some(({ kind }) => kind === "updated"));
    const seen = a.client.members().find(({ name }) => name === "b");
    assert.equal(Buffer.from(seen?.meta ?? []).toString(), "ready");
    await a.client.send("b", Buffer.from("hello"), { reliable: true });
    await eventually(() => b.reports.some(({ kind }) => kind === "user"));
    await eventually(async () => ((await a.client.metrics())["packetBytesSent"] ?? 0) > 0);
    assert.equal((await a.client.metrics())["members"], 2);
    await b.client.leave();
    await eventually(() => stateOf(a, "b") === "left");
  }));

test("a member that was removed has left for all, before they miss it", () =>
  using(["a", "b", "c"], async (nodes) => {
    const [a, b, c] = nodes as [Running, Running, Running];
    // From here on it cannot object.
    for (const { client } of [a, b]) {
      await client.installKey(Buffer.alloc(32, 2));
      await client.useKey(Buffer.alloc(32, 2));
    }
    for (const { client } of [a, b]) await client.removeKey(key);
    await a.client.forceLeave("c");
    await eventually(() => stateOf(a, "c") === "left" && stateOf(b, "c") === "left");
    assert.equal(stateOf(c, "c"), "alive");
    await assert.rejects(a.client.forceLeave("a"), /Cannot take a out: it is this node/u);
  }));

test("a key is rotated without a break, and then the old one is of no use", () =>
  using(["a", "b"], async (nodes) => {
    const next = Buffer.alloc(32, 2);
    for (const { client } of nodes) await client.installKey(next);
    for (const { client } of nodes) await client.useKey(next);
    await assert.rejects(nodes[0]?.client.removeKey(next) ?? Promise.resolve(), /in use/u);
    for (const { client } of nodes) await client.removeKey(key);
    const old = await start("old");
    await assert.rejects(old.client.join([address(nodes[0] as Running)]), /Cannot join the cluster/u);
    await old.stop();
    const fresh = await start("fresh", { keys: [next] });
    await fresh.client.join([address(nodes[0] as Running)]);
    await eventually(() => nodes.every((node) => stateOf(node, "fresh") === "alive"));
    await fresh.stop();
  }));

test("a main thread that is busy for two and a half seconds makes nobody suspect anybody", () =>
  using(["a", "b", "c"], async (nodes) => {
    // All three share this thread, but each has its own for membership.
    const busy = async (): Promise<true> => {
      for (const { reports } of nodes) reports.length = 0;
      const before = await Promise.all(nodes.map(({ client }) => client.metrics()));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
      const after = await Promise.all(nodes.map(({ client }) => client.metrics()));
      for (const [index, metrics] of after.entries())
        assert.ok((metrics["roundTrips"] ?? 0) > (before[index]?.["roundTrips"] ?? 0), "they went on meanwhile");
      for (const { reports } of nodes)
        assert.deepEqual(
          reports.filter(({ kind }) => kind === "suspected" || kind === "failed"),
          [],
        );
      return true;
    };
    // A machine that is busy itself may keep one of their threads waiting, but not each time.
    await eventually(busy, { what: "no suspicion" });
  }));

test("TLS on the cluster port goes to whoever takes it", async () => {
  const taken: Socket[] = [];
  const node = await start("a", {}, { onTls: (socket) => void taken.push(socket) });
  const socket = connect(node.client.endpoint.port, node.client.endpoint.host);
  await once(socket, "connect");
  socket.write(Buffer.from([0x16, 3, 1]));
  const [given] = (await eventually(() => taken.length > 0 && taken)) as [Socket];
  given.resume();
  const [bytes] = (await once(given, "data")) as [Buffer];
  assert.deepEqual(bytes, Buffer.from([0x16, 3, 1]));
  socket.destroy();
  given.destroy();
  await node.stop();
});

test("nodes meet over IPv6", async () => {
  const six = { bind: { host: "::1", port: 0 } };
  const [a, b] = await Promise.all([start("a", six), start("b", six)]);
  await b.client.join([`[::1]:${a.client.endpoint.port}`]);
  await eventually(() => stateOf(a, "b") === "alive" && stateOf(b, "a") === "alive");
  await eventually(async () => ((await b.client.metrics())["roundTrips"] ?? 0) > 0);
  await Promise.all([a.stop(), b.stop()]);
});

test("connections that somebody else accepted are served", async () => {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const node = await start("a", { bind: { host: "127.0.0.1", port } }, { streams: "given" });
  let accepted = 0;
  listener.on("connection", (socket) => {
    accepted += 1;
    node.client.accept(socket);
  });
  const other = await start("b");
  await other.client.join([`127.0.0.1:${port}`]);
  assert.equal(accepted, 1);
  await eventually(() => stateOf(other, "a") === "alive");
  await Promise.all([node.stop(), other.stop()]);
  listener.close();
});

test("what cannot be is refused with the reason", async () => {
  const node = await start("a");
  const bind = { host: "127.0.0.1", port: node.client.endpoint.port };
  await assert.rejects(start("b", { bind }), /EADDRINUSE/u);
  await assert.rejects(start("b", { keys: [Buffer.alloc(5)] }), /16, 24 or 32/u);
  await assert.rejects(node.client.join([]), /no address was given/u);
  await assert.rejects(node.client.updateMeta(Buffer.alloc(600)), /at most 512/u);
  await node.stop();
});

test("who asks after the end is told so", async () => {
  const { client, stop } = await start("a");
  await stop();
  await assert.rejects(client.metrics(), /membership has stopped/);
});
