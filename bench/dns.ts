/**
 * DNS queries a second of our server against a bare UDP echo that answers with as many bytes, both in a child process
 * of their own, in the same run. `node bench/dns.ts [seconds]`.
 */
import { fork, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { encode } from "dns-packet";
import { DnsServer } from "../src/dns/dns-server.ts";
import type { DnsService, DnsSnapshot } from "../src/dns/snapshot.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silentLogger } from "../src/lib/log.ts";
import { systemRandom } from "../src/lib/random.ts";

const SERVICES = 500;
const WINDOW = 64;
/** Both servers answer with this many bytes for a service with one address: header, question, one A record. */
const ANSWER_BYTES = 12 + 4 + "\x04s000\x07default\x03svc\x07cluster\x05local\x00".length + 16;

function query(id: number, name: string): Buffer {
  return encode({ type: "query", id, flags: 0x100, questions: [{ type: "A", name }] });
}

function serviceName(index: number): string {
  return `s${String(index).padStart(3, "0")}.default.svc.cluster.local`;
}

async function serveDns(): Promise<void> {
  const services: Record<string, DnsService> = {};
  for (let index = 0; index < SERVICES; index++) {
    const address = `10.43.${index >> 8}.${index & 255}`;
    services[`default/s${String(index).padStart(3, "0")}`] = { type: "virtual", addresses: [address], ports: [] };
  }
  const upstream = createSocket("udp4");
  upstream.on("message", (message, { port, address }) => {
    const answer = Buffer.from(message);
    answer.writeUInt16BE(0x8183, 2);
    upstream.send(answer, port, address);
  });
  upstream.bind(0, "127.0.0.1");
  await once(upstream, "listening");
  const snapshot: DnsSnapshot = {
    domain: "cluster.local",
    ttl: 5,
    services,
    ranges: ["10.43.0.0/16"],
    servers: [],
    upstreams: [`127.0.0.1:${upstream.address().port}`],
  };
  const server = new DnsServer(
    { clock: systemClock, random: systemRandom, log: silentLogger },
    {
      listen: [{ host: "127.0.0.1", port: 0 }],
      onListening: (addresses) => process.send?.({ port: addresses[0]!.port }),
    },
  );
  server.apply(snapshot);
  await server.run(new AbortController().signal);
}

async function serveEcho(): Promise<void> {
  const answer = Buffer.alloc(ANSWER_BYTES);
  const socket = createSocket("udp4");
  socket.on("message", (message, { port, address }) => {
    const copy = Buffer.from(answer);
    message.copy(copy, 0, 0, 2);
    socket.send(copy, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  process.send?.({ port: socket.address().port });
}

/** Keeps WINDOW queries in flight for a while; answers a second. */
async function measure(port: number, queries: readonly Buffer[], seconds: number): Promise<number> {
  const socket = createSocket("udp4");
  const connected = once(socket, "connect");
  socket.connect(port, "127.0.0.1");
  await connected;
  let answers = 0;
  let next = 0;
  const send = (): void => socket.send(queries[next++ % queries.length]!);
  socket.on("message", () => {
    answers += 1;
    send();
  });
  const started = systemClock.monotonic();
  for (let index = 0; index < WINDOW; index++) send();
  await systemClock.sleep(seconds * 1000);
  const rate = (answers / (systemClock.monotonic() - started)) * 1000;
  socket.close();
  return rate;
}

async function child(role: string): Promise<{ process: ChildProcess; port: number }> {
  const process = fork(import.meta.filename, [role]);
  const [{ port }] = (await once(process, "message")) as [{ port: number }];
  return { process, port };
}

async function main(seconds: number): Promise<void> {
  const [dns, echo] = await Promise.all([child("dns"), child("echo")]);
  const hot = Array.from({ length: SERVICES }, (_, index) => query(index, serviceName(index)));
  let unique = 0;
  const absent = Array.from({ length: 20_000 }, (_, index) =>
    query(index, `n${unique++}.example.com.default.svc.cluster.local`),
  );
  const rows: [string, number, readonly Buffer[]][] = [
    ["bare UDP echo", echo.port, hot],
    ["service names, hot", dns.port, hot],
    ["absent names in the zone (search domains)", dns.port, absent],
    ["one name from the cache", dns.port, [query(1, "example.com")]],
    ["bare UDP echo, again", echo.port, hot],
  ];
  const rates: number[] = [];
  for (const [, port, queries] of rows) rates.push(await measure(port, queries, seconds));
  const raw = Math.max(rates[0]!, rates.at(-1)!);
  for (const [index, [what]] of rows.entries()) {
    const rate = rates[index]!;
    console.log(`dns: ${what}: ${Math.round(rate)} answers/s, ${(rate / raw).toFixed(2)} of the bare echo`);
  }
  dns.process.kill();
  echo.process.kill();
}

const role = process.argv[2];
if (role === "dns") await serveDns();
else if (role === "echo") await serveEcho();
else await main(Number(role ?? 2));
