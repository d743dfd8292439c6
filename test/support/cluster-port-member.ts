import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { eventually } from "../poll.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { deadline } from "../../src/lib/deadline.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { secretBytes, systemRandom } from "../../src/lib/random.ts";
import { openMemoryStore } from "../../src/store/open-memory-store.ts";
import { newKey } from "../../src/security/certificates/certificate.ts";
import { ClusterAuthority, saveJoinedAuthority } from "../../src/security/certificates/cluster-authority.ts";
import { DeniedNodes } from "../../src/security/denied-nodes.ts";
import { parseJoinToken } from "../../src/security/tokens/join-token.ts";
import { JoinTokens } from "../../src/security/tokens/join-tokens.ts";
import { NodeIdentity } from "../../src/security/certificates/node-identity.ts";
import { ClusterListener, type ClusterListenerOptions } from "../../src/security/cluster-port/cluster-listener.ts";
import { dialPeer, type DialPeerDeps } from "../../src/security/cluster-port/dial-peer.ts";
import { FrameStream } from "../../src/security/cluster-port/frame-stream.ts";
import { joinCluster, type Membership } from "../../src/security/cluster-port/join-cluster.ts";
import { JoinServer } from "../../src/security/cluster-port/join-server.ts";
import { type Refusal, RefusedError } from "../../src/security/cluster-port/refusal.ts";

export const within = (ms: number): AbortSignal => deadline(ms, new AbortController().signal).signal;
export const DAY_MS = 86_400_000;
export const GOSSIP_KEY = secretBytes(32);

export interface Member extends DialPeerDeps {
  readonly identity: NodeIdentity;
  readonly denied: DeniedNodes;
  readonly tokens: JoinTokens;
  readonly port: number;
  readonly refusals: Refusal[];
  readonly joined: string[];
  readonly listener: ClusterListener;
  readonly directory: string;
  pass(ms: number): void;
}

export interface MemberOptions extends ClusterListenerOptions {
  /** What it has of the cluster that it has joined; a cluster of its own by default. */
  readonly joined?: Membership["authority"];
  readonly nodeName?: string;
  /** By how much the node's certificate seems older when it is looked at whether it is due. */
  readonly certificateAgeMs?: number;
}

/** A member with a cluster port of its own, which sends back what peers send. */
export async function member(t: TestContext, options: MemberOptions = {}): Promise<Member> {
  const { nodeName = "one", certificateAgeMs = 0, joined: authorityOfOthers, ...limits } = options;
  const directory = await mkdtemp(join(tmpdir(), "cluster-port-test-"));
  if (authorityOfOthers !== undefined) await saveJoinedAuthority(directory, authorityOfOthers);
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const authority = await ClusterAuthority.open({ directory, clock });
  const later: Clock = { ...clock, now: () => clock.now() + certificateAgeMs };
  const identity = new NodeIdentity(
    { authority, clock: later, random: systemRandom, log: silentLogger },
    { directory, nodeName, addresses: ["127.0.0.1"] },
  );
  await identity.load();
  const store = openMemoryStore({ clock });
  const tokens = new JoinTokens({ store, clock, nodeName, caDigest: () => authority.digest });
  const denied = new DeniedNodes({ store, clock });
  const nameTaken = (name: string): string | undefined =>
    name === "one" ? `the name ${name} is a living node's` : undefined;
  const gossipKeys = (): Buffer[] => [GOSSIP_KEY];
  const lists = { members: () => ["127.0.0.1:7946"], removals: () => [] };
  const deniedUntil = (name: string): number | undefined => denied.until(name);
  const joins = new JoinServer({ tokens, authority, gossipKeys, ...lists, nameTaken, deniedUntil, clock });
  const refusals: Refusal[] = [];
  const joined: string[] = [];
  const listener = new ClusterListener(
    {
      authority,
      identity,
      denied,
      joins,
      clock,
      log: silentLogger,
      refused: (refusal) => refusals.push(refusal),
      joined: (one) => joined.push(one.nodeName),
      peer: ({ socket }) => socket.pipe(socket),
    },
    limits,
  );
  // The port is shared: whoever looks at the first byte puts it back.
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (first) => {
      socket.pause();
      socket.unshift(first);
      listener.accept(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = new AbortController();
  const running = Promise.all([listener.run(stop.signal), identity.run(stop.signal)]);
  t.after(async () => {
    stop.abort();
    server.close();
    await running;
    await rm(directory, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  const pass = (ms: number): void => void (offset += ms);
  return { authority, identity, denied, clock, tokens, port, refusals, joined, listener, directory, pass };
}

export interface JoinOptions {
  readonly nodeName?: string;
  readonly clock?: Clock;
}

export const join2 = (port: number, token: string, options: JoinOptions = {}): Promise<Membership> => {
  const { nodeName = "two", clock = systemClock } = options;
  const order = {
    host: "127.0.0.1",
    port,
    token: parseJoinToken(token),
    nodeName,
    key: newKey(),
    addresses: ["127.0.0.1"],
  };
  return joinCluster({ clock }, order, within(30_000));
};

/** Both sides must have said the same reason. */
export async function refusedBoth(one: Member, attempt: Promise<unknown>, reason: string): Promise<string> {
  let message = "";
  await assert.rejects(attempt, (error: Error) => {
    assert.ok(error instanceof RefusedError, String(error));
    assert.equal(error.reason, reason, error.message);
    message = error.message;
    return true;
  });
  await eventually(() => one.refusals.some((refusal) => refusal.reason === reason), {
    what: `a refusal for ${reason}`,
  });
  return message;
}

export async function joinedMember(
  t: TestContext,
  one: Member,
  { nodeName = "two", ...options }: MemberOptions = {},
): Promise<Member> {
  const { token } = await one.tokens.create({ name: "t" });
  const membership = await join2(one.port, token, { nodeName });
  return await member(t, { ...options, joined: membership.authority, nodeName });
}

export async function echoes(socket: TLSSocket): Promise<void> {
  const frames = new FrameStream(socket);
  frames.write(Buffer.from("hello"));
  assert.equal((await frames.read(100, within(30_000))).toString(), "hello");
}

export const dialTo = (from: DialPeerDeps, port: number, nodeName?: string) =>
  dialPeer(from, { host: "127.0.0.1", port, ...(nodeName === undefined ? {} : { nodeName }) }, within(30_000));
