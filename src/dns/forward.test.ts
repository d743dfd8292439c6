import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { decode, streamEncode, type Answer } from "dns-packet";
import { freePorts } from "../../test/support/free-ports.ts";
import { systemClock } from "../lib/clock.ts";
import { ask, data, example, exchange, query, rcode, snapshot, start, upstream } from "./dns-fixture.ts";

test("other names are forwarded once and then come from the cache, absences too", async (t) => {
  const up = await upstream(t, (packet, reply) => {
    const name = packet.questions![0]!.name;
    if (name !== "gone.test") return reply({ answers: [example(name)] });
    const soa = { mname: "a.test", rname: "b.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 };
    return reply({ flags: 0x183, authorities: [{ type: "SOA", name: "test", ttl: 60, data: soa }] });
  });
  const { port, server } = await start(t, { applied: { ...snapshot, upstreams: [up.address] } });
  for (const name of ["example.test", "EXAMPLE.test", "example.TEST"]) {
    const answer = await ask(port, name);
    assert.deepEqual(data(answer.answers), ["192.0.2.1"]);
    assert.equal(answer.questions?.[0]?.name, name);
  }
  for (let round = 0; round < 2; round++) assert.equal(rcode(await ask(port, "gone.test")), 3);
  assert.equal(up.asked.length, 2);
  assert.equal(server.stats().cache.entries, 2);
  const chased = await ask(port, "outside.default.svc.cluster.local");
  assert.deepEqual(data(chased.answers), ["example.test", "192.0.2.1"]);
});

test("a forged answer is not believed: wrong id, wrong question", async (t) => {
  const up = await upstream(t, (packet, reply) => [
    reply({ id: (packet.id! + 1) & 0xffff, answers: [{ ...example("example.test"), data: "203.0.113.66" } as Answer] }),
    reply({ questions: [{ type: "A", name: "evil.test" }], answers: [example("evil.test")] }),
    Buffer.from([1, 2, 3]),
    reply({ answers: [example("example.test")] }),
  ]);
  const { port, server } = await start(t, { applied: { ...snapshot, upstreams: [up.address] } });
  assert.deepEqual(data((await ask(port, "example.test")).answers), ["192.0.2.1"]);
  assert.equal(server.stats().forward.foreign, 3);
});

test("a truncated answer is fetched again over TCP", async (t) => {
  const tcp = createServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      const packet = decode(chunk.subarray(2));
      const answers = Array.from({ length: 100 }, () => example("big.test"));
      const made = streamEncode({ type: "response", id: packet.id!, questions: packet.questions!, answers });
      socket.write(made.subarray(0, 1));
      socket.end(made.subarray(1));
    });
  }).listen(0, "127.0.0.1");
  await once(tcp, "listening");
  t.after(() => tcp.close());
  // In this order: many more ports are taken of TCP's than of UDP's.
  const up = await upstream(t, (_, reply) => reply({ flags: 0x380 }), (tcp.address() as AddressInfo).port);
  const { port } = await start(t, { applied: { ...snapshot, upstreams: [up.address] } });
  const answer = await ask(port, "big.test");
  assert.equal((answer.flags ?? 0) & 0x200, 0x200);
  assert.ok((answer.answers?.length ?? 0) > 5);
});

test("the next upstream is asked when one is closed, refuses or is silent; without any the answer is SERVFAIL", async (t) => {
  const [closed = 0] = await freePorts(1);
  const dead = `127.0.0.1:${closed}`;
  const refusing = await upstream(t, (_, reply) => reply({ flags: 0x185 }));
  const silent = await upstream(t, () => []);
  const good = await upstream(t, (_, reply) => reply({ answers: [example("example.test")] }));
  const upstreams = [dead, refusing.address, silent.address, good.address];
  const { port, server } = await start(t, { applied: { ...snapshot, upstreams }, forward: { attemptTimeoutMs: 400 } });
  assert.deepEqual(data((await ask(port, "example.test")).answers), ["192.0.2.1"]);
  server.apply({ ...snapshot, upstreams: [dead, silent.address] });
  assert.equal(rcode(await ask(port, "other.test")), 2);
  server.apply({ ...snapshot, upstreams: [] });
  assert.equal(rcode(await ask(port, "other.test")), 2);
});

test("an upstream that leads back to this server is found out and left alone", async (t) => {
  const { port, server } = await start(t);
  const relay = createSocket("udp4");
  relay.bind(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => relay.close());
  const clients = new Map<number, { port: number; address: string }>();
  relay.on("message", (message, from) => {
    if (from.port === port) {
      const client = clients.get(message.readUInt16BE(0));
      if (client) relay.send(message, client.port, client.address);
      return;
    }
    clients.set(message.readUInt16BE(0), from);
    relay.send(message, port, "127.0.0.1");
  });
  server.apply({ ...snapshot, upstreams: [`127.0.0.1:${relay.address().port}`, `127.0.0.1:${port}`] });
  const until = systemClock.monotonic() + 30_000;
  while (server.stats().forward.loops === 0 && systemClock.monotonic() < until) await systemClock.sleep(5);
  assert.equal(server.stats().forward.loops, 1);
  assert.equal(rcode(await ask(port, "example.test")), 2);
});

test("more outstanding questions than allowed are answered with SERVFAIL at once, and equal ones are asked once", async (t) => {
  const silent = await upstream(t, () => []);
  const { port, server } = await start(t, {
    applied: { ...snapshot, upstreams: [silent.address] },
    forward: { maxOutstanding: 20, attemptTimeoutMs: 2000, totalTimeoutMs: 2000 },
  });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => ask(port, `n${index % 30}.test`)));
  assert.ok(answers.every((answer) => rcode(answer) === 2));
  assert.equal(new Set(silent.asked.map(({ questions }) => questions?.[0]?.name)).size, 20);
  assert.ok(server.stats().forward.refused >= 10);
});

test("one client cannot hold all outstanding questions: beyond its share it is refused, others are answered", async (t) => {
  const up = await upstream(t, (packet, reply) => {
    const { name } = packet.questions![0]!;
    return name.startsWith("silent") ? [] : reply({ answers: [example(name)] });
  });
  const { port, server } = await start(t, {
    applied: { ...snapshot, upstreams: [up.address] },
    forward: { maxOutstanding: 20, maxPerClient: 5, attemptTimeoutMs: 2000, totalTimeoutMs: 2000 },
  });
  const greedy = Promise.all(Array.from({ length: 30 }, (_, index) => ask(port, `silent${index}.test`)));
  const until = systemClock.monotonic() + 30_000;
  while (server.stats().forward.refused < 25 && systemClock.monotonic() < until) await systemClock.sleep(5);
  assert.equal(server.stats().forward.waiting, 5);
  const other = decode(await exchange(port, query("example.test"), "127.0.0.2"));
  assert.deepEqual(data(other.answers), ["192.0.2.1"]);
  assert.ok((await greedy).every((answer) => rcode(answer) === 2));
  assert.equal(server.stats().forward.refused, 25);
  // Its share is free again.
  assert.deepEqual(data((await ask(port, "later.test")).answers), ["192.0.2.1"]);
});
