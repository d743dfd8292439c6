// The servers of the DNS bench, each in a process of its own.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { DnsServer } from "../../src/dns/dns-server.ts";
import type { DnsService, DnsSnapshot } from "../../src/dns/snapshot.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { serviceLabel, SERVICES } from "./dns-names.ts";

/** Both servers answer with this many bytes for a service with one address: header, question, one A record. */
const ANSWER_BYTES = 12 + 4 + "\x04s000\x07default\x03svc\x07cluster\x05local\x00".length + 16;

async function serveDns(): Promise<void> {
  const services: Record<string, DnsService> = {};
  for (let index = 0; index < SERVICES; index++) {
    const address = `10.43.${index >> 8}.${index & 255}`;
    services[`default/${serviceLabel(index)}`] = { type: "virtual", addresses: [address], ports: [] };
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

await (process.argv[2] === "dns" ? serveDns() : serveEcho());
