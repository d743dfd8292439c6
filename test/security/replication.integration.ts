import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import type { Pair } from "../lab/switch-rules.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { copyDisk } from "../support/copied-disk.ts";
import { agreeOn, memberList } from "../support/member-lists.ts";
import { PeerLoad } from "./rotation-load.ts";

/** Half a minute and a quarter between two comparisons, each with a random one of two or three. */
const REPAIR_MS = 120_000;

interface Made {
  readonly id: string;
  readonly token: string;
  readonly address: string;
}

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly uses_left: number | null;
}

interface Member {
  readonly agent: AgentProcess;
  readonly client: ApiClient;
}

let lab: Lab;
let attempts = 0;
const running: Member[] = [];

async function start(host: number, flags: readonly string[] = []): Promise<Member> {
  const place = { host: lab.host(host), user: "root" } as const;
  const agent = await AgentProcess.start({ place, flags: [`--node-name=n${host}`, ...flags] });
  const member = { agent, client: agent.client() };
  running.push(member);
  return member;
}

async function stop(member: Member): Promise<void> {
  running.splice(running.indexOf(member), 1);
  member.client.close();
  await member.agent.stop();
}

const makeToken = ({ client }: Member, body: object = {}): Promise<Made> =>
  client.json<Made>("POST", "/api/v1/join-tokens", { body });

const via = (host: number, { token }: Made): string[] => [`--join=10.99.0.${host}:7946`, `--join-token=${token}`];

async function tokens({ client }: Member): Promise<readonly Listed[]> {
  return (await client.json<{ join_tokens: readonly Listed[] }>("GET", "/api/v1/join-tokens")).join_tokens;
}

const stateOn = async (member: Member, { id }: Made): Promise<string | undefined> =>
  (await tokens(member)).find((token) => token.id === id)?.state;

/** What the fifth host is told, which tries to join and is refused. */
async function refusal(flags: readonly string[]): Promise<string> {
  const host = 5;
  const dataDir = join(lab.host(host).folder, `refused-${(attempts += 1)}`);
  const place = { host: lab.host(host), user: "root" } as const;
  try {
    const agent = await AgentProcess.start({ place, dataDir, flags: [`--node-name=n${host}`, ...flags] });
    await agent.stop();
    return "not refused";
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function agree(members: readonly Member[], expected: string | RegExp): Promise<void> {
  await agreeOn(expected, () => Promise.all(members.map(({ client }) => memberList(client))));
}

async function timed(t: TestContext, what: string, done: () => Promise<unknown>): Promise<void> {
  const began = systemClock.monotonic();
  await done();
  t.diagnostic(`${what}: ${Math.round(systemClock.monotonic() - began)} ms`);
}

let one: Member;
let two: Member;
let three: Member;

before(async () => {
  lab = await Lab.start({ hosts: 6 });
});

after(async () => {
  for (const { client } of running) client.close();
  await Promise.all(running.map(({ agent }) => agent.stop()));
  await lab?.stop();
});

test("a token of one member lets nodes join through another", async () => {
  one = await start(1);
  const made = await makeToken(one);
  two = await start(2, via(1, made));
  await eventually(async () => (await stateOn(two, made)) === "usable", { what: "the token on n2" });
  three = await start(3, via(2, made));
  await agree([one, two, three], "n1 alive, n2 alive, n3 alive");
});

test("a token that is revoked on one member is refused on another at once", async (t) => {
  const made = await makeToken(two);
  await eventually(async () => (await stateOn(three, made)) === "usable", { what: "the token on n3" });
  await three.client.json("DELETE", `/api/v1/join-tokens/${made.id}`);
  await timed(t, "revoked on the other two", async () => {
    for (const member of [one, two]) {
      await eventually(async () => (await stateOn(member, made)) === "revoked", { what: "the revocation" });
    }
  });
  assert.match(await refusal(via(1, made)), /the join token was revoked/);
});

test("a token with a count is good through any member while its own one lives", async () => {
  const made = await makeToken(one, { uses: 1 });
  await eventually(async () => (await stateOn(two, made)) === "usable", { what: "the token on n2" });
  const four = await start(4, via(2, made));
  await agree([one, two, three, four], "n1 alive, n2 alive, n3 alive, n4 alive");
  for (const member of [one, two, three]) {
    await eventually(async () => (await stateOn(member, made)) === "used up", { what: "the count" });
  }
  assert.match(await refusal(via(2, made)), /was used 1 times, as often as it may be/);
});

test("an API token works on all members, until it is deleted on one", async () => {
  const made = await one.client.json<{ id: string; token: string }>("POST", "/api/v1/tokens", { body: { name: "ci" } });
  const status = async ({ agent }: Member): Promise<number> =>
    (await fetch(`${agent.httpUrl}/api/v1/members`, { headers: { authorization: `Bearer ${made.token}` } })).status;
  for (const member of [one, two, three])
    await eventually(async () => (await status(member)) === 200, { what: "the token" });
  await two.client.json("DELETE", `/api/v1/tokens/${made.id}`);
  for (const member of [one, two, three])
    await eventually(async () => (await status(member)) === 401, { what: "its end" });
});

test("who was cut away hears soon after of what was revoked and who was removed, and refuses them", async (t) => {
  const made = await makeToken(one);
  await eventually(async () => (await stateOn(three, made)) === "usable", { what: "the token on n3" });
  const thieves = await thievesOf(running.at(-1) as Member);
  // From the thieves' host it stays in reach.
  const parted: Pair[] = [1, 2, 4].map((host) => [host, 3] as const);
  for (const pair of parted) lab.part(pair);
  await one.client.json("DELETE", `/api/v1/join-tokens/${made.id}`);
  await eventually(async () => (await stateOn(two, made)) === "revoked", { what: "the revocation on n2" });
  await agree([one, two], "n1 alive, n2 alive, n3 dead, n4 alive");
  const { message } = await one.client.json<{ message: string }>("DELETE", "/api/v1/members/n4");
  assert.match(message, /The node n4 is removed/);
  await one.client.json("POST", "/api/v1/ca/rotate", { body: {} });
  assert.equal(await stateOn(three, made), "usable");
  // Alone, it looks for the others and asks them for what is newer.
  await agree([three], /^n1 (suspect|dead), n2 (suspect|dead), n3 alive, n4 (suspect|dead)$/);
  lab.mend(parted);
  const refusals = async (): Promise<boolean> =>
    /refusals_total\{reason="NodeDenied"\}/.test(await three.client.text("GET", "/metrics"));
  await timed(t, "the revocation after the cut", () =>
    eventually(async () => (await stateOn(three, made)) === "revoked", { what: "n3 to hear", timeoutMs: REPAIR_MS }),
  );
  assert.match(await refusal(via(3, made)), /the join token was revoked/);
  await timed(t, "the first refusal of the removed one", () =>
    eventually(refusals, { what: "n3 to refuse n4", timeoutMs: REPAIR_MS }),
  );
  await timed(t, "n3 among the members again", () =>
    agree([one, two, three], /^n1 alive, n2 alive, n3 alive(, n4 (dead|left))?$/),
  );
  for (const { answers } of await Promise.all(thieves.map((thief) => thief.stop()))) {
    // Which nodes were removed, and the name of the current key, are no secrets.
    const secrets = answers.map((answer) => ({ ...JSON.parse(answer), removals: undefined, current: undefined }));
    assert.equal(new Set(secrets.map((one) => JSON.stringify(one))).size, 1, "it is given nothing newer than it has");
  }
});

/**
 * Where its disk was copied to, somebody asks n3 for the gossip keys and for the CA all the time, in the name of a
 * member that is removed while n3 is away: n3 has newer ones soon after it is back, and must know of the removal by then.
 */
async function thievesOf({ agent }: Member): Promise<PeerLoad[]> {
  const host = lab.host(6);
  const dataDir = join(host.folder, "loot");
  await copyDisk(agent.dataDir, dataDir);
  const questions = [{ kind: "gossip-keys" }, { kind: "authority", generation: 0, identity: "" }];
  return questions.map((question) => {
    const env = { BELIEVES: "any", ASKS: JSON.stringify(question) };
    return new PeerLoad(host, { dataDir, hosts: ["10.99.0.3"], env });
  });
}

test("a restarted agent knows it all, and a node that comes back to the cluster has everything", async () => {
  const made = await makeToken(one);
  await two.agent.end("SIGKILL");
  await one.client.json("DELETE", `/api/v1/join-tokens/${made.id}`);
  await two.agent.startAgain();
  await eventually(async () => (await stateOn(two, made)) === "revoked", { what: "the revocation on n2" });
  const four = running.at(-1) as Member;
  await stop(four);
  const again = await start(4, via(2, await makeToken(two)));
  await agree([one, two, three, again], "n1 alive, n2 alive, n3 alive, n4 alive");
  const text = async (member: Member): Promise<string> => JSON.stringify(await tokens(member));
  await eventually(async () => (await text(again)) === (await text(one)), { what: "all tokens on n4" });
  assert.equal(await stateOn(again, made), "revoked");
});

test("of two that were parted while the gossip key was replaced, the one with the older key takes the newer", async (t) => {
  for (const member of running.slice(2)) await stop(member);
  // The dead are forgotten after half a minute.
  await agree([one, two], /^n1 alive, n2 alive(, n[34] (dead|left))*$/);
  lab.host(2).cut();
  await agree([one], /^n1 alive, n2 dead(, n[34] (dead|left))*$/);
  await agree([two], /^n1 dead, n2 alive(, n[34] (dead|left))*$/);
  const { message } = await one.client.json<{ message: string }>("POST", "/api/v1/keys/gossip/rotate");
  assert.match(message, /is replaced on the one node/);
  lab.host(2).heal();
  await timed(t, "both agree again", () => agree([one, two], /^n1 alive, n2 alive(, n[34] (dead|left))*$/));
});

test("what is replicated is counted", async () => {
  const lag = async (): Promise<boolean> => /lag_seconds 0\n/.test(await one.client.text("GET", "/metrics"));
  await eventually(lag, { what: "nothing to wait", timeoutMs: REPAIR_MS });
  const metrics = await one.client.text("GET", "/metrics");
  assert.match(metrics, /podman_swarm_replication_exchanges_total\{how="push",result="done"\} \d+/);
  assert.match(metrics, /podman_swarm_replication_received_total\{how="push"\} \d+/);
  assert.doesNotMatch(metrics, /podman_swarm_replication_refused_total [1-9]/);
});
