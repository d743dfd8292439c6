import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { decode, streamEncode, type Answer, type RecordType } from "dns-packet";
import fc from "fast-check";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { ask, data, exchange, query, rcode, snapshot, start } from "./dns-fixture.ts";
import { DnsServer } from "./dns-server.ts";
import { parseQuery } from "./query.ts";
import { readUpstreamMessage } from "./upstream-message.ts";

test("the cluster's names are answered as Kubernetes' DNS specification says", async (t) => {
  const { port } = await start(t);
  const cases: [string, RecordType, number, unknown[]][] = [
    ["web.default.svc.cluster.local", "A", 0, ["10.43.0.10"]],
    ["web.default.cluster.local", "A", 0, ["10.43.0.10"]],
    ["web.default.svc.cluster.local", "AAAA", 0, ["fd00::a"]],
    ["v4.default.svc.cluster.local", "AAAA", 0, []],
    ["WEB.default.SVC.cluster.local", "A", 0, ["10.43.0.10"]],
    ["web.other.svc.cluster.local", "A", 3, []],
    ["google.com.default.svc.cluster.local", "A", 3, []],
    ["default.svc.cluster.local", "A", 0, []],
    ["svc.cluster.local", "A", 0, []],
    ["none.default.svc.cluster.local", "A", 3, []],
    ["db-0.db.default.svc.cluster.local", "A", 0, ["10.42.0.5"]],
    ["10-42-0-6.db.default.svc.cluster.local", "A", 0, ["10.42.0.6"]],
    ["db-9.db.default.svc.cluster.local", "A", 3, []],
    ["10-42-0-9.default.pod.cluster.local", "A", 0, ["10.42.0.9"]],
    ["10-42-0-8.default.pod.cluster.local", "A", 3, []],
    ["alias.default.svc.cluster.local", "A", 0, ["web.default.svc.cluster.local", "10.43.0.10"]],
    ["10.0.43.10.in-addr.arpa", "PTR", 2, []],
    ["10.0.43.10.in-addr.arpa.", "A", 2, []],
    ["5.0.42.10.in-addr.arpa", "PTR", 0, ["db-0.db.default.svc.cluster.local"]],
    ["99.0.42.10.in-addr.arpa", "PTR", 3, []],
    ["ns.dns.cluster.local", "A", 0, ["10.42.0.1"]],
    ["cluster.local", "NS", 0, ["ns.dns.cluster.local"]],
    ["__proto__.default.svc.cluster.local", "A", 3, []],
    ["1-2-3-4.__proto__.pod.cluster.local", "A", 3, []],
  ];
  for (const [name, type, code, expected] of cases.filter(([name]) => !name.startsWith("10.0.43"))) {
    const answer = await ask(port, name, type);
    assert.equal(rcode(answer), code, `${name} ${type}`);
    assert.deepEqual(data(answer.answers), expected, `${name} ${type}`);
    if (expected.length === 0) assert.equal(answer.authorities?.[0]?.type, "SOA", `${name} ${type}`);
  }
  const reverse = await ask(port, "10.0.43.10.in-addr.arpa", "PTR");
  assert.deepEqual(data(reverse.answers), ["web.default.svc.cluster.local"]);
  const version = await ask(port, "dns-version.cluster.local", "TXT");
  assert.equal(String((data(version.answers)[0] as Buffer[])[0]), "1.1.0");
  assert.equal(rcode(await ask(port, "loop.default.svc.cluster.local")), 2);
});

test("SRV answers the service's port, or each endpoint of a headless one with its address", async (t) => {
  const { port } = await start(t);
  const web = await ask(port, "_http._tcp.web.default.svc.cluster.local", "SRV");
  assert.deepEqual(data(web.answers), [
    { priority: 0, weight: 100, port: 80, target: "web.default.svc.cluster.local" },
  ]);
  const db = await ask(port, "_sql._tcp.db.default.svc.cluster.local", "SRV");
  const targets = (data(db.answers) as { target: string }[]).map(({ target }) => target).toSorted();
  assert.deepEqual(targets, ["10-42-0-6.db.default.svc.cluster.local", "db-0.db.default.svc.cluster.local"]);
  assert.deepEqual(data(db.additionals).map(String).toSorted(), ["10.42.0.5", "10.42.0.6"]);
  assert.equal(rcode(await ask(port, "_http._udp.web.default.svc.cluster.local", "SRV")), 3);
});

test("the question comes back in the client's case, and repeated questions rotate the addresses", async (t) => {
  const { port, server } = await start(t);
  const answer = await ask(port, "wEb.DEFAULT.svc.cluster.local");
  assert.equal(answer.questions?.[0]?.name, "wEb.DEFAULT.svc.cluster.local");
  assert.equal(answer.answers?.[0]?.name, "wEb.DEFAULT.svc.cluster.local");
  const first = new Set<unknown>();
  for (let round = 0; round < 8; round++) first.add(data((await ask(port, "db.default.svc.cluster.local")).answers)[0]);
  assert.deepEqual([...first].map(String).toSorted(), ["10.42.0.5", "10.42.0.6"]);
  assert.ok(server.stats().hotHits >= 5);
});

test("a new snapshot is answered from at once, hot answers included", async (t) => {
  const { port, server } = await start(t);
  for (let round = 0; round < 3; round++) await ask(port, "v4.default.svc.cluster.local");
  server.apply({ ...snapshot, services: { "default/v4": { type: "virtual", addresses: ["10.43.0.99"], ports: [] } } });
  assert.deepEqual(data((await ask(port, "v4.default.svc.cluster.local")).answers), ["10.43.0.99"]);
});

test("an answer is cut at a record for the client's size, and whole over TCP", async (t) => {
  const { port } = await start(t);
  const plain = await exchange(port, query("many.default.svc.cluster.local"));
  assert.ok(plain.length <= 512);
  const cut = decode(plain);
  assert.equal((cut.flags ?? 0) & 0x200, 0x200);
  assert.ok((cut.answers?.length ?? 0) > 20);
  const edns = await exchange(
    port,
    query("many.default.svc.cluster.local", "A", {
      additionals: [
        {
          type: "OPT",
          name: ".",
          udpPayloadSize: 1232,
          flags: 0,
          options: [],
          extendedRcode: 0,
          ednsVersion: 0,
          flag_do: false,
        } as Answer,
      ],
    }),
  );
  assert.equal(decode(edns).answers?.length, 60);
  assert.equal(decode(edns).additionals?.[0]?.type, "OPT");

  const socket = connect(port, "127.0.0.1");
  const two = ["many.default.svc.cluster.local", "web.default.svc.cluster.local"].map((name) =>
    streamEncode({ type: "query", id: 7, questions: [{ type: "A", name }] }),
  );
  const both = Buffer.concat(two);
  // In odd pieces: a message may be split anywhere, its length too.
  socket.write(both.subarray(0, 1));
  socket.write(both.subarray(1, 40));
  socket.end(both.subarray(40));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const received = Buffer.concat(chunks);
  const firstLength = received.readUInt16BE(0);
  assert.equal(decode(received.subarray(2, 2 + firstLength)).answers?.length, 60);
  assert.equal(decode(received.subarray(4 + firstLength)).answers?.length, 1);
});

test("what is no proper query is refused, and what is no query at all gets no answer", async (t) => {
  const { port } = await start(t);
  const good = query("web.default.svc.cluster.local");
  const opcode = Buffer.from(good);
  opcode.writeUInt16BE(4 << 11, 2);
  const twice = Buffer.from(good);
  twice.writeUInt16BE(2, 4);
  assert.equal(rcode(decode(await exchange(port, opcode))), 4);
  assert.equal(rcode(decode(await exchange(port, twice))), 1);
  assert.equal(rcode(decode(await exchange(port, query("cluster.local", "AXFR")))), 5);
  const response = Buffer.from(good);
  response.writeUInt16BE(0x8000, 2);
  assert.equal(parseQuery(response), undefined);
  assert.equal(parseQuery(Buffer.alloc(5)), undefined);
});

test("no input makes the parsers throw", () => {
  const base = query("web.default.svc.cluster.local");
  const mutated = fc
    .array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 })
    .map((changes) => changes.reduce((bytes, [at, value]) => ((bytes[at] = value), bytes), Buffer.from(base)));
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    mutated,
    fc.tuple(mutated, fc.nat(60)).map(([bytes, length]) => bytes.subarray(0, length)),
  );
  fc.assert(
    fc.property(input, (bytes) => {
      parseQuery(bytes);
      readUpstreamMessage(bytes, base);
      const answer = Buffer.from(bytes);
      if (answer.length > 2) base.copy(answer, 0, 0, 2);
      if (answer.length > 3) answer[2] = 0x80;
      readUpstreamMessage(answer, base);
    }),
    { numRuns: 2000 },
  );
});

test("a server that was sent garbage still answers", async (t) => {
  const { port, server } = await start(t);
  const socket = createSocket("udp4");
  for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 200 }), { numRuns: 300, seed: 5 })) {
    socket.send(bytes, port, "127.0.0.1");
  }
  const tcp = connect(port, "127.0.0.1");
  tcp.on("error", () => {});
  tcp.end(Buffer.from([0, 3, 1, 2, 3, 255, 255, 1]));
  await once(tcp.resume(), "close");
  assert.equal(rcode(await ask(port, "web.default.svc.cluster.local")), 0);
  assert.ok(server.stats().malformed > 0);
  socket.close();
});

test("handed sockets are served, and without a snapshot the answer is SERVFAIL", async (t) => {
  const udp = createSocket("udp4");
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  const server = new DnsServer(
    { clock: systemClock, random: seededRandom(1), log: silentLogger },
    { handed: { udp: [udp] } },
  );
  const stop = new AbortController();
  const running = server.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  assert.equal(rcode(await ask(udp.address().port, "web.default.svc.cluster.local")), 2);
});

test("a port that is taken is a clear error", async (t) => {
  const { port } = await start(t);
  const second = new DnsServer(
    { clock: systemClock, random: seededRandom(1), log: silentLogger },
    { listen: [{ host: "127.0.0.1", port }] },
  );
  await assert.rejects(second.run(new AbortController().signal), /Cannot serve DNS: .*EADDRINUSE/);
});
