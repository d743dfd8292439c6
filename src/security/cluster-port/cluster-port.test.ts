import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { eventually } from "../../../test/poll.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { secretBytes } from "../../lib/random.ts";
import { newKey } from "../certificates/certificate.ts";
import { formatJoinToken, makeJoinToken, parseJoinToken, provingKey } from "../tokens/join-token.ts";
import { nodeOrder, nodeUser, readNodeCertificate } from "../certificates/node-certificate.ts";
import { makeSigningRequest } from "../certificates/signing-request.ts";
import { FrameStream } from "./frame-stream.ts";
import { JOIN_PROTOCOL, proofMessage, signProof, writeRequest } from "./join-messages.ts";
import { PEER_PROTOCOL, readAnswer } from "./peer-greeting.ts";
import { agentContext, dial, STRANGER_CONTEXT } from "./tls-context.ts";
import {
  within,
  GOSSIP_KEY,
  member,
  join2,
  refusedBoth,
  joinedMember,
  echoes,
  dialTo,
} from "../../../test/support/cluster-port-member.ts";

test("a node joins with one address and one token, and then both speak with both certificates checked", async (t) => {
  const one = await member(t);
  const { token } = await one.tokens.create({ name: "t" });
  const began = systemClock.monotonic();
  const membership = await join2(one.port, token);
  t.diagnostic(`joined in ${(systemClock.monotonic() - began).toFixed(0)} ms`);
  assert.deepEqual(membership.gossipKeys, [GOSSIP_KEY]);
  assert.deepEqual(membership.members, ["127.0.0.1:7946"]);
  assert.deepEqual(membership.authority, one.authority.material);
  await eventually(() => one.joined.includes("two"), { what: "the join told" });
  const two = await joinedMember(t, one, { nodeName: "three" });
  for (const [from, to, name] of [
    [two, one, "one"],
    [one, two, "three"],
  ] as const) {
    const { socket, peer } = await dialTo(from, to.port, name);
    assert.equal(peer.nodeName, name);
    await echoes(socket);
    socket.destroy();
  }
  await assert.rejects(dialTo(two, one.port, "four"), /it is the node one, not four/);
  assert.deepEqual(one.refusals, []);
});

test("a token that is wrong, expired, revoked or used up is refused with the reason on both sides", async (t) => {
  const one = await member(t);
  const wrong = formatJoinToken(makeJoinToken(one.authority.digest));
  await refusedBoth(one, join2(one.port, wrong), "WrongToken");
  const revoked = await one.tokens.create({ name: "t" });
  await one.tokens.revoke(revoked.id);
  await refusedBoth(one, join2(one.port, revoked.token), "TokenRevoked");
  const once = await one.tokens.create({ name: "t", uses: 1 });
  await join2(one.port, once.token);
  const said = await refusedBoth(one, join2(one.port, once.token, { nodeName: "three" }), "TokenUsedUp");
  assert.match(said, /^Cannot join through 127\.0\.0\.1:\d+: the join token was used 1 times/);
  const short = await one.tokens.create({ name: "t", expiresIn: 5 });
  one.pass(6000);
  await refusedBoth(one, join2(one.port, short.token, { nodeName: "four" }), "TokenExpired");
  assert.equal(one.refusals.find(({ reason }) => reason === "TokenUsedUp")?.nodeName, "three");
});

test("a member of another cluster than the token's hears nothing of the joiner", async (t) => {
  const [one, other] = [await member(t), await member(t)];
  const { token } = await one.tokens.create({ name: "t" });
  await assert.rejects(join2(other.port, token), /\(its CA has another digest\).*Nothing was sent to it/);
  await eventually(() => other.refusals.length > 0, { what: "the refusal on the other side" });
  assert.deepEqual(
    other.refusals.map(({ nodeName }) => nodeName),
    [undefined],
  );
});

test("the recorded words of a join are refused in another session", async (t) => {
  const one = await member(t);
  const { token } = await one.tokens.create({ name: "t" });
  const parsed = parseJoinToken(token);
  const target = { host: "127.0.0.1", port: one.port, protocol: JOIN_PROTOCOL, signal: within(30_000) };
  const first = await dial(STRANGER_CONTEXT, target);
  const signingRequest = makeSigningRequest(newKey(), nodeUser("two"));
  const request = writeRequest({
    token: parsed.id,
    nodeName: "two",
    addresses: [],
    time: systemClock.now(),
    signingRequest,
  });
  const proof = signProof(proofMessage(first, request), provingKey(parsed));
  const say = async (socket: TLSSocket): Promise<unknown> => {
    const frames = new FrameStream(socket);
    frames.write(request);
    frames.write(proof);
    return await readAnswer(frames, { limit: 100_000, signal: target.signal });
  };
  const second = await dial(STRANGER_CONTEXT, target);
  await refusedBoth(one, say(second), "WrongToken");
  assert.deepEqual(one.joined, []);
  await say(first);
});

test("a name of a living node, one just given, and a clock that is off are refused", async (t) => {
  const one = await member(t);
  const { token } = await one.tokens.create({ name: "t", uses: 1 });
  await refusedBoth(one, join2(one.port, token, { nodeName: "one" }), "NameTaken");
  const off: Clock = { ...systemClock, now: () => systemClock.now() + 301_000 };
  const said = await refusedBoth(one, join2(one.port, token, { clock: off }), "ClockSkew");
  assert.match(said, /the clocks are 301 seconds apart/);
  await join2(one.port, token);
  const more = await one.tokens.create({ name: "t" });
  await assert.rejects(join2(one.port, more.token), /the name two was given to another node a moment ago/);
});

test("a stranger, another cluster's node and a removed node are refused by both sides", async (t) => {
  const [one, other] = [await member(t), await member(t)];
  const two = await joinedMember(t, one);
  const target = { host: "127.0.0.1", port: one.port, protocol: PEER_PROTOCOL, signal: within(30_000) };
  const knock = async (context: Parameters<typeof dial>[0]): Promise<unknown> => {
    const socket = await dial(context, target);
    return await readAnswer(new FrameStream(socket), { limit: 1000, signal: target.signal });
  };
  await refusedBoth(one, knock(STRANGER_CONTEXT), "NoCertificate");
  await refusedBoth(one, knock(agentContext(other.identity.current, one.authority)), "OtherCluster");
  const forged = other.authority.issue(nodeOrder({ clusterId: one.authority.clusterId, nodeName: "two" }));
  await refusedBoth(one, knock(agentContext(forged, one.authority)), "UntrustedCertificate");
  const client = one.authority.issue({ usage: "client", commonName: "two", days: 1 });
  await refusedBoth(one, knock(agentContext(client, one.authority)), "UntrustedCertificate");
  await assert.rejects(dialTo(other, one.port), /its certificate is of the cluster/);

  const { socket } = await dialTo(two, one.port);
  await echoes(socket);
  await one.denied.deny("two");
  one.listener.dropDenied();
  await once(socket, "close");
  await refusedBoth(one, dialTo(two, one.port), "NodeDenied");
});

test("a removed node that joins again is let in, also through a member whose clock is behind that of who removed it", async (t) => {
  const one = await member(t);
  const { token } = await one.tokens.create({ name: "t" });
  await one.denied.deny("two", one.clock.now() + 60_000);
  const { certificate } = await join2(one.port, token);
  const found = readNodeCertificate(new X509Certificate(certificate));
  assert.ok(found);
  assert.equal(one.denied.isDenied(found), false);
  assert.ok(one.denied.isDenied({ nodeName: "two", memberSince: one.clock.now() }));
});

test("garbage, silence and floods change nothing for others", async (t) => {
  const one = await member(t, { openingMs: 2000, mostOpening: 8, refusalsAllowed: 1000 });
  const two = await joinedMember(t, one);
  const raw = (): Socket => connect(one.port, "127.0.0.1").on("error", () => {});
  for (const garbage of [Buffer.alloc(5000, 0x16), secretBytes(5000), Buffer.from("GET / HTTP/1.1\r\n\r\n")]) {
    const socket = raw();
    socket.end(garbage);
    socket.resume();
    await once(socket, "close");
  }
  const silent = Array.from({ length: 12 }, raw);
  for (const socket of silent) socket.write(Buffer.from([0x16]));
  await Promise.all(silent.map(async (socket) => socket.destroyed || once(socket.resume(), "close")));
  assert.ok(one.refusals.some(({ reason }) => reason === "TooManyAttempts"));
  assert.ok(one.refusals.some(({ reason }) => reason === "HandshakeFailed"));
  const target = { host: "127.0.0.1", port: one.port, protocol: JOIN_PROTOCOL, signal: within(30_000) };
  const mute = await dial(STRANGER_CONTEXT, target);
  await assert.rejects(
    readAnswer(new FrameStream(mute), { limit: 1000, signal: target.signal }),
    /did not say in time/,
  );
  const huge = await dial(STRANGER_CONTEXT, target);
  huge.write(Buffer.from("ffffffff", "hex"));
  await assert.rejects(
    readAnswer(new FrameStream(huge), { limit: 1000, signal: target.signal }),
    /at most 8192 are read/,
  );
  const { socket } = await dialTo(two, one.port);
  await echoes(socket);
  socket.destroy();
});

test("an address that is refused too often has to wait, and is told so", async (t) => {
  const one = await member(t, { refusalsAllowed: 3 });
  const wrong = (): string => formatJoinToken(makeJoinToken(one.authority.digest));
  for (let attempt = 0; attempt < 3; attempt += 1) await refusedBoth(one, join2(one.port, wrong()), "WrongToken");
  const { token } = await one.tokens.create({ name: "t" });
  const said = await refusedBoth(one, join2(one.port, token), "TooManyAttempts");
  assert.match(said, /try again in a minute/);
});
