import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { eventually } from "../../../test/poll.ts";
import {
  DAY_MS,
  type Member,
  member,
  join2,
  refusedBoth,
  joinedMember,
  echoes,
  dialTo,
  within,
} from "../../../test/support/cluster-port-member.ts";
import { systemClock } from "../../lib/clock.ts";
import { FrameStream } from "./frame-stream.ts";
import { introduce, PEER_PROTOCOL } from "./peer-greeting.ts";
import { agentContext } from "./tls-context.ts";

async function connectBothWays(one: Member, two: Member): Promise<void> {
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    const { socket } = await dialTo(from, to.port);
    await echoes(socket);
    socket.destroy();
  }
}

/** Both connect to each other all the time. */
function connecting(one: Member, two: Member) {
  let done = false;
  let connections = 0;
  const load = (async () => {
    while (!done) {
      await connectBothWays(one, two);
      connections += 2;
    }
  })();
  const more = async (): Promise<void> => {
    const now = connections;
    await eventually(() => connections > now + 4, { what: "more connections" });
  };
  const stop = async (): Promise<void> => {
    done = true;
    await load;
    assert.deepEqual([...one.refusals, ...two.refusals], []);
  };
  return { more, stop };
}

test("certificates are renewed again and again while members connect all the time, and no connection fails", async (t) => {
  // Every look finds that the certificate is due.
  const renewing = { certificateAgeMs: 80 * DAY_MS };
  const one = await member(t, renewing);
  const two = await joinedMember(t, one, renewing);
  const { more, stop } = connecting(one, two);
  const shown = new Set<string>();
  for (let round = 1; round <= 20; round += 1) {
    for (const { identity } of [one, two]) {
      await identity.load();
      shown.add(identity.current.certificate);
    }
    await more();
  }
  await stop();
  assert.equal(shown.size, 40, "each time another one");
});

test("the CA is replaced while members connect all the time, and no connection fails", async (t) => {
  const one = await member(t);
  const two = await joinedMember(t, one);
  const { more, stop } = connecting(one, two);
  await more();
  await one.authority.stage();
  await more();
  await two.authority.adopt(one.authority.material);
  await more();
  await one.authority.activate({ overlapMs: 90 * DAY_MS });
  await more();
  await two.authority.adopt(one.authority.material);
  await more();
  const signedByNew = (node: Member): boolean => {
    return new X509Certificate(node.identity.current.certificate).verify(
      new X509Certificate(one.authority.certificate).publicKey,
    );
  };
  await eventually(() => signedByNew(one) && signedByNew(two), { what: "renewed certificates" });
  await more();
  await stop();
  const { token } = await one.tokens.create({ name: "t" });
  await join2(two.port, token, { nodeName: "three" }).catch((error: Error) =>
    assert.match(error.message, /not known here/),
  );
  await join2(one.port, token, { nodeName: "three" });
});

test("who was away while the CA was replaced is believed, and believes, until the old CA's time is over", async (t) => {
  const one = await member(t);
  const two = await joinedMember(t, one);
  for (let round = 1; round <= 2; round += 1) {
    await one.authority.stage();
    await one.authority.activate({ overlapMs: 30 * DAY_MS });
    await connectBothWays(one, two);
  }
  assert.equal(one.authority.trusted.length, 3);
  await one.authority.distrustOld();
  await refusedBoth(one, dialTo(two, one.port), "UntrustedCertificate");
  await assert.rejects(dialTo(one, two.port), /that one has to join again with a new token/);
});

test("a join token that carries an older CA's digest is good while that CA is believed", async (t) => {
  const one = await member(t);
  const made = [await one.tokens.create({ name: "first" })];
  for (const days of [30, 10]) {
    await one.authority.stage();
    await one.authority.activate({ overlapMs: days * DAY_MS });
    made.push(await one.tokens.create({ name: "later" }));
  }
  for (const [at, { token }] of made.entries()) {
    const { authority } = await join2(one.port, token, { nodeName: `n${at}` });
    assert.deepEqual(authority, one.authority.material);
  }
  await one.authority.distrustOld();
  const [old, , latest] = made.map(({ token }) => token);
  await assert.rejects(
    join2(one.port, old ?? "", { nodeName: "n7" }),
    /print a new token if the CA was replaced\. Nothing/,
  );
  await join2(one.port, latest ?? "", { nodeName: "n8" });
});

test("connections of a CA that is distrusted end at once", async (t) => {
  const one = await member(t);
  const two = await joinedMember(t, one);
  const old = two.identity.current;
  const { socket } = await dialTo(two, one.port);
  await echoes(socket);
  await one.authority.stage();
  await two.authority.adopt(one.authority.material);
  await one.authority.activate({ overlapMs: DAY_MS });
  await two.authority.adopt(one.authority.material);
  assert.notEqual(two.identity.current.certificate, old.certificate, "renewed when the change has resolved");
  const { socket: renewed } = await dialTo(two, one.port);
  await echoes(socket);
  const closed = once(socket, "close");
  await one.authority.distrustOld();
  await closed;
  await echoes(renewed);
});

/** Sends its first byte, tells `begun`, and sends what else there is once it may. */
function hesitant(socket: Socket, may: Promise<void>): Duplex {
  const slow = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => {
      socket.write(chunk.subarray(0, 1), () => slow.emit("begun"));
      void may.then(() => socket.write(chunk.subarray(1), done));
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk) => slow.push(chunk)).on("end", () => slow.push(null));
  socket.on("error", () => slow.destroy());
  return slow;
}

const denied = (one: Member): Promise<void> => one.denied.deny("two");

async function distrusted({ authority }: Member): Promise<void> {
  await authority.stage();
  await authority.activate({ overlapMs: DAY_MS });
  await authority.distrustOld();
}

const LATE = [
  { what: "denied", change: denied, waitsFor: "greeting", reason: "NodeDenied" },
  { what: "distrusted", change: distrusted, waitsFor: "greeting", reason: "UntrustedCertificate" },
  { what: "denied", change: denied, waitsFor: "handshake", reason: "NodeDenied" },
  { what: "distrusted", change: distrusted, waitsFor: "handshake", reason: "UntrustedCertificate" },
] as const;

for (const { what, change, waitsFor, reason } of LATE) {
  test(`who waits on a connection until it is ${what}, and then sends its ${waitsFor}, is refused`, async (t) => {
    const one = await member(t);
    const two = await joinedMember(t, one);
    const context = agentContext(two.identity.current, two.authority);
    const go = Promise.withResolvers<void>();
    const socket = hesitant(connectTcp({ host: "127.0.0.1", port: one.port, noDelay: true }), go.promise);
    const secure = connectTls({ ...context, socket, ALPNProtocols: [PEER_PROTOCOL], rejectUnauthorized: false });
    t.after(() => secure.destroy());
    if (waitsFor === "handshake") {
      await once(socket, "begun");
      // Connections are taken in turn: the listener has that one when it has answered this.
      await connectBothWays(one, two);
      await change(one);
    }
    go.resolve();
    await once(secure, "secureConnect");
    if (waitsFor === "greeting") {
      await connectBothWays(one, two);
      await change(one);
    }
    const greeting = introduce(new FrameStream(secure), { clock: systemClock, signal: within(30_000) });
    await refusedBoth(one, greeting, reason);
  });
}
