import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { systemClock } from "../../src/lib/clock.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { encodeMessage } from "../../src/membership/wire/encode-message.ts";
import { sealFrame } from "../../src/membership/wire/frame.ts";
import { Keyring } from "../../src/membership/wire/keyring.ts";
import { sealPacket } from "../../src/membership/wire/packet.ts";
import type { SealOptions } from "../../src/membership/wire/seal-options.ts";

/**
 * Run on a host: throws everything at one cluster port that is no business of it, over UDP and TCP, from the seed that is
 * given. Ends with its input, and prints how much it has sent, as JSON.
 */
const [host = "", port = "", label = "", seed = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const sent: Record<string, number> = {};
let ended = false;
process.stdin.on("end", () => (ended = true)).resume();

const upTo = (most: number): number => Math.floor(random.next() * most);
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => upTo(256)));
const seal = (keys: readonly Buffer[], of: string): SealOptions => ({
  keyring: new Keyring(keys),
  label: of,
  compression: true,
  protocolVersion: 2,
  verifyIncoming: true,
  verifyOutgoing: true,
});
const wrong = (): SealOptions => seal([bytes(32)], label);
const plain = seal([], "");

/** What would do harm if it were believed. */
const dead = (): Buffer => encodeMessage({ kind: "dead", dead: { node: "n2", incarnation: 1 << 30, from: "n1" } });
const alive = (): Buffer =>
  encodeMessage({
    kind: "alive",
    alive: {
      incarnation: 1,
      node: `x${upTo(1e6)}`,
      addr: Buffer.of(10, 99, 0, 3),
      port: 7946,
      meta: bytes(8),
      vsn: Buffer.of(1, 5, 2, 0, 0, 0),
    },
  });

const packets: Readonly<Record<string, () => Uint8Array>> = {
  random: () => bytes(1 + upTo(1400)),
  "plain gossip": () => sealPacket([dead(), alive()], true, plain),
  "plain gossip with the label": () => sealPacket([dead(), alive()], true, seal([], label)),
  "gossip with a wrong key": () => sealPacket([dead(), alive()], true, wrong()),
  "half a packet": () => sealPacket([dead()], true, wrong()).subarray(0, 8 + upTo(20)),
  nothing: () => Buffer.alloc(0),
};

/** A ClientHello's head, and then what is none. */
const hello = (): Buffer => Buffer.concat([Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3), bytes(40 + upTo(400))]);

const streams: Readonly<Record<string, () => Uint8Array>> = {
  random: () => bytes(1 + upTo(4000)),
  "like TLS": hello,
  "random behind a TLS byte": () => Buffer.concat([Buffer.of(0x16), bytes(upTo(2000))]),
  "half a frame": () => sealFrame(dead(), wrong()).subarray(0, 6 + upTo(12)),
  "a frame with a wrong key": () => sealFrame(dead(), wrong()),
  "a plain frame": () => sealFrame(alive(), plain),
  "a frame that says it is huge": () => Buffer.concat([Buffer.of(10, 0xff, 0xff, 0xff, 0xf0), bytes(64)]),
  http: () => Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
};

const count = (what: string): number => (sent[what] = (sent[what] ?? 0) + 1);

const udp = createSocket("udp4");
udp.on("error", () => {}); // nobody has to answer
const open = new Set<Socket>();

function send(payload: Uint8Array, { hold }: { hold: boolean }): void {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  open.add(socket);
  socket.on("error", () => {}); // it is refused, and should be
  socket.once("close", () => open.delete(socket));
  socket.resume();
  if (hold) return;
  socket.end(payload);
}

/** Connections that stay, and say a byte now and then. */
const slow = (async (): Promise<void> => {
  while (!ended) {
    if (open.size < 200) send(Buffer.alloc(0), { hold: true });
    for (const socket of open) if (socket.writable && random.next() < 0.05) socket.write(bytes(1));
    count("slow");
    await systemClock.sleep(40);
  }
})();

while (!ended) {
  for (const [what, make] of Object.entries(packets)) {
    udp.send(make(), Number(port), host);
    count(`UDP: ${what}`);
  }
  for (const [what, make] of Object.entries(streams)) {
    send(make(), { hold: random.next() < 0.05 });
    count(`TCP: ${what}`);
  }
  await systemClock.sleep(25);
}
await slow;
for (const socket of open) socket.destroy();
udp.close();
process.stdout.write(JSON.stringify(sent));
