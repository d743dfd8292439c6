import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { decode, encode, type Answer, type DecodedPacket, type Packet, type RecordType } from "dns-packet";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { DnsServer, type DnsServerOptions } from "./dns-server.ts";
import type { DnsSnapshot } from "./snapshot.ts";

export const many = Array.from({ length: 60 }, (_, index) => ({ address: `10.42.1.${index + 1}`, ports: [] }));

export const snapshot: DnsSnapshot = {
  domain: "cluster.local",
  ttl: 5,
  ranges: ["10.42.0.0/16", "10.43.0.0/16"],
  servers: ["10.42.0.1"],
  upstreams: [],
  pods: { default: ["10.42.0.9"] },
  services: {
    "default/web": {
      type: "virtual",
      addresses: ["10.43.0.10", "fd00::a"],
      ports: [
        { name: "http", protocol: "tcp", port: 80 },
        { name: "dns", protocol: "udp", port: 53 },
      ],
    },
    "default/v4": { type: "virtual", addresses: ["10.43.0.11"], ports: [] },
    "default/db": {
      type: "headless",
      endpoints: [
        { address: "10.42.0.5", hostname: "db-0", ports: [{ name: "sql", protocol: "tcp", port: 5432 }] },
        { address: "10.42.0.6", ports: [{ name: "sql", protocol: "tcp", port: 5432 }] },
      ],
    },
    "default/none": { type: "headless", endpoints: [] },
    "default/many": { type: "headless", endpoints: many },
    "default/alias": { type: "external", target: "web.default.svc.cluster.local" },
    "default/outside": { type: "external", target: "example.test" },
    "default/loop": { type: "external", target: "loop.default.svc.cluster.local" },
  },
};

export async function start(
  t: TestContext,
  { applied = snapshot, ...options }: DnsServerOptions & { applied?: DnsSnapshot } = {},
) {
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const server = new DnsServer(
    { clock: systemClock, random: seededRandom(1), log: silentLogger },
    {
      listen: [{ host: "127.0.0.1", port: 0 }],
      onListening: (addresses) => listening.resolve(addresses[0]!.port),
      ...options,
    },
  );
  server.apply(applied);
  const running = server.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  return { server, port: await Promise.race([listening.promise, running.then(() => 0)]) };
}

export async function exchange(port: number, message: Buffer, from = "127.0.0.1"): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ address: from, port: 0 });
    await once(socket, "listening");
    socket.send(message, port, "127.0.0.1");
    const [answer] = (await once(socket, "message", { signal: AbortSignal.any([deadline(30_000)]) })) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}

export function deadline(ms: number): AbortSignal {
  const controller = new AbortController();
  systemClock.timer(ms, () => controller.abort(new Error(`nothing came within ${ms} ms`)));
  return controller.signal;
}

let lastId = 0;
export function query(name: string, type: RecordType = "A", extra: Partial<Packet> = {}): Buffer {
  lastId = (lastId + 1) & 0xffff;
  return encode({ type: "query", id: lastId, flags: 0x100, questions: [{ type, name }], ...extra });
}

export async function ask(port: number, name: string, type: RecordType = "A"): Promise<DecodedPacket> {
  const sent = query(name, type);
  const answer = decode(await exchange(port, sent));
  assert.equal(answer.id, sent.readUInt16BE(0));
  return answer;
}

export const rcode = (packet: Packet): number => (packet.flags ?? 0) & 15;
export const data = (answers: readonly Answer[] | undefined): unknown[] =>
  (answers ?? []).map((answer) => ("data" in answer ? answer.data : undefined));

/** An upstream whose answers a test decides, on any port or this one; returns its `ip:port` and the questions that came. */
export async function upstream(
  t: TestContext,
  answer: (asked: DecodedPacket, reply: (packet: Partial<Packet>) => Buffer) => Buffer | readonly Buffer[],
  at = 0,
): Promise<{ address: string; asked: DecodedPacket[]; socket: Socket; port: number }> {
  const socket = createSocket("udp4");
  socket.bind(at, "127.0.0.1");
  await once(socket, "listening");
  const asked: DecodedPacket[] = [];
  socket.on("message", (message, from) => {
    const packet = decode(message);
    if (packet.questions?.[0]?.name.endsWith(".invalid")) return;
    asked.push(packet);
    const made = answer(packet, (extra) =>
      encode({ type: "response", id: packet.id!, flags: 0x180, questions: packet.questions!, ...extra }),
    );
    for (const one of Buffer.isBuffer(made) ? [made] : made) socket.send(one, from.port, from.address);
  });
  t.after(() => socket.close());
  const { port } = socket.address();
  return { address: `127.0.0.1:${port}`, asked, socket, port };
}

export const example = (name: string, ttl = 60): Answer => ({ type: "A", name, ttl, data: "192.0.2.1" });
