import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { eventually } from "../../../test/poll.ts";
import { freePorts } from "../../../test/support/free-ports.ts";
import { silentLogger } from "../../lib/log.ts";
import type { GossipRefusal } from "../refusal.ts";
import { transportContract } from "../transport.contract.ts";
import { NetworkTransport } from "./network-transport.ts";
import { StreamServer } from "./stream-server.ts";

const deps = { log: silentLogger };
const local = { host: "127.0.0.1", port: 0 };

transportContract("UDP and TCP", async () => ({
  a: await NetworkTransport.open(deps, local),
  b: await NetworkTransport.open(deps, local),
  nobody: { host: "127.0.0.1", port: (await freePorts(1))[0] ?? 0 },
}));

async function serving(
  options: ConstructorParameters<typeof StreamServer>[1],
  work: (port: number, server: StreamServer) => Promise<void>,
): Promise<void> {
  const server = new StreamServer(deps, options);
  const { port } = await server.listen("127.0.0.1", 0);
  try {
    await work(port, server);
  } finally {
    await server.close();
  }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

test("a connection that begins with TLS is handed over with all its bytes", async () => {
  const taken: Buffer[] = [];
  const onTls = (socket: Socket): void => {
    socket.on("data", (chunk: Buffer) => taken.push(chunk));
    socket.resume();
  };
  await serving({ respond: () => undefined, onTls }, async (port, server) => {
    const socket = await dial(port);
    socket.write(Buffer.from([0x16, 3, 1]));
    await eventually(() => Buffer.concat(taken).length === 3);
    socket.write(Buffer.from("more"));
    await eventually(() => Buffer.concat(taken).toString("latin1") === "\x16\x03\x01more");
    assert.equal(server.refused, 0);
    socket.destroy();
  });
});

test("a TLS server takes such a connection as if it had accepted it", async () => {
  // A shared key needs no certificate.
  const psk = Buffer.alloc(32, 3);
  const shared = { ciphers: "PSK-AES128-GCM-SHA256", maxVersion: "TLSv1.2" as const };
  const secure = createTlsServer({ ...shared, pskCallback: () => psk }, (socket) => socket.end("secret"));
  const onTls = (socket: Socket): void => void secure.emit("connection", socket);
  await serving({ respond: () => undefined, onTls }, async (port) => {
    const pskCallback = (): { psk: Buffer; identity: string } => ({ psk, identity: "test" });
    const checks = { pskCallback, checkServerIdentity: () => undefined };
    const client = connectTls({ port, host: "127.0.0.1", ...shared, ...checks });
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.equal(answer.toString(), "secret");
    client.destroy();
  });
});

const garbage: readonly [string, string][] = [
  ["an HTTP request", "GET / HTTP/1.1\r\n\r\n"],
  ["a length beyond every limit", "\x0a\xff\xff\xff\xff"],
  ["a type that is none", "\x63"],
  ["TLS, where nobody takes it", "\x16\x03\x01"],
];
for (const [what, bytes] of garbage) {
  const refusals: GossipRefusal[] = [];
  const onRefused = (refusal: GossipRefusal): void => void refusals.push(refusal);
  test(`${what} ends the stream at once, and is told of`, () =>
    serving({ respond: () => assert.fail("a frame"), onRefused }, async (port, server) => {
      const socket = await dial(port);
      const closed = once(socket, "close");
      socket.write(Buffer.from(bytes, "latin1"));
      await closed;
      assert.equal(server.refused, 1);
      assert.deepEqual(
        refusals.map(({ reason, transport, host }) => [reason, transport, host]),
        [["Malformed", "stream", "127.0.0.1"]],
      );
    }));
}

test("streams beyond the limit are closed, and those before go on", () =>
  serving({ respond: () => Buffer.from([2, 0x80]) }, async (port, server) => {
    const held = await Promise.all(Array.from({ length: 128 }, () => dial(port)));
    await eventually(async () => {
      const more = await dial(port);
      await once(more, "close");
      return server.refused > 0;
    });
    const [first] = held as [Socket];
    const answer = once(first, "data");
    first.write(Buffer.from([0, 0x80]));
    assert.deepEqual((await answer)[0], Buffer.from([2, 0x80]));
    for (const socket of held) socket.destroy();
  }));
