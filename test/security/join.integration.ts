import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { agreeOn, memberList, withoutSuspicion } from "../support/member-lists.ts";
import { psctlText } from "../support/psctl-text.ts";

const HOSTS = 4;

interface MemberList {
  readonly cluster: string;
  readonly members: readonly { readonly name: string; readonly state: string }[];
}

interface Made {
  readonly id: string;
  readonly token: string;
  readonly address: string;
}

let lab: Lab;
const agents: AgentProcess[] = [];
const clients: ApiClient[] = [];

/** Starts the agent of a host; the last one without root. */
async function start(host: number, flags: readonly string[] = []): Promise<AgentProcess> {
  const user = host === HOSTS ? "unprivileged" : "root";
  const place = { host: lab.host(host), user } as const;
  return await AgentProcess.start({ place, flags: [`--node-name=n${host}`, ...flags] });
}

const keep = (agent: AgentProcess): AgentProcess => {
  agents.push(agent);
  clients.push(agent.client());
  return agent;
};

const client = (index = 0): ApiClient => clients[index] as ApiClient;
const makeToken = (body: object = {}): Promise<Made> => client().json<Made>("POST", "/api/v1/join-tokens", { body });
const flagsOf = ({ token, address }: Made): string[] => [`--join=${address}`, `--join-token=${token}`];

const lists = (): Promise<string[]> => Promise.all(clients.map(memberList));
const agree = (expected: string): Promise<void> => agreeOn(expected, lists);

before(async () => {
  lab = await Lab.start({ hosts: HOSTS });
});

after(async () => {
  for (const one of clients) one.close();
  await Promise.all(agents.map((agent) => agent.stop()));
  await lab?.stop();
});

test("nodes join with one address and one token, as root and without, and all lists agree", async (t) => {
  keep(await start(1));
  const made = await makeToken({ name: "nodes" });
  for (let host = 2; host <= HOSTS; host += 1) {
    const began = systemClock.monotonic();
    keep(await start(host, flagsOf(made)));
    await agree(Array.from({ length: host }, (_, index) => `n${index + 1} alive`).join(", "));
    t.diagnostic(`n${host} runs and is listed everywhere after ${Math.round(systemClock.monotonic() - began)} ms`);
  }
  const ids = await Promise.all(clients.map((one) => one.json<MemberList>("GET", "/api/v1/members")));
  assert.equal(new Set(ids.map(({ cluster }) => cluster)).size, 1);
});

test("psctl tells how to join, lists members, and makes, lists, rotates and revokes tokens", async () => {
  const psctl = (...words: string[]): Promise<string> => psctlText(agents[0]?.kubeconfig ?? "", ...words);
  const told = await psctl("init");
  assert.match(told, /The node works\.\nThe cluster [0-9a-f]{32} has 4 nodes\./);
  assert.match(told, /\n {2}PSWM-1-\S{52}-\S{44}\n/);
  assert.match(told, /\n {2}psctl join 10\.99\.0\.1:7946\n/);
  assert.match(await psctl("members"), /n4 +10\.99\.0\.4:7946 +(alive|suspect)/);
  assert.match(await psctl("token", "create", "--quiet", "--name=mine", "--uses=2", "--expires=1h"), /^PSWM-1-\S+\n$/);
  const id = /^(\S+) +usable +2 +\S+ +mine$/m.exec(await psctl("token", "list"))?.[1] ?? "";
  assert.match(await psctl("token", "rotate", id), /good for 2 nodes and until /);
  assert.match(await psctl("token", "list"), new RegExp(`^${id} +revoked +2 .*mine$`, "m"));
  const other = /^(\S+) +usable +2 +\S+ +mine$/m.exec(await psctl("token", "list"))?.[1] ?? "";
  assert.match(await psctl("token", "revoke", other), /is revoked/);
});

test("keys are replaced while the cluster runs, and a node that was away gets the new one", async () => {
  const [, , third] = agents;
  assert.ok(third);
  const everyone = "n1 alive, n2 alive, n3 alive, n4 alive";
  for (const from of [0, 3, 1]) {
    const { message } = await client(from).json<{ message: string }>("POST", "/api/v1/keys/gossip/rotate");
    assert.equal(message, "The gossip key is replaced on all 4 nodes.");
    assert.deepEqual([...new Set((await lists()).map(withoutSuspicion))], [everyone]);
  }
  await agree(everyone);
  await third.end();
  clients.splice(2, 1)[0]?.close();
  await agree("n1 alive, n2 alive, n3 dead, n4 alive");
  await client().json("POST", "/api/v1/keys/gossip/rotate");
  await client().json("POST", "/api/v1/keys/gossip/rotate");
  await third.startAgain();
  clients.splice(2, 0, third.client());
  await agree(everyone);
  const { message } = await client().json<{ message: string }>("POST", "/api/v1/keys/data/rotate");
  assert.match(message, /all secrets on this node's disk and in its backups/);
  assert.equal((await makeToken()).address, "10.99.0.1:7946");
});

test("an agent that is restarted is back in all lists, without a token", async () => {
  const [, second] = agents;
  assert.ok(second);
  await second.end("SIGKILL");
  await second.startAgain();
  await agree("n1 alive, n2 alive, n3 alive, n4 alive");
});

test("a host that crashed is dead in all lists, and alive after its boot", async () => {
  const host = lab.host(3);
  const [third] = clients.splice(2, 1);
  await host.crash();
  await agree("n1 alive, n2 alive, n3 dead, n4 alive");
  await host.boot();
  await agents[2]?.startAgain();
  third?.close();
  clients.splice(2, 0, agents[2]?.client() as ApiClient);
  await agree("n1 alive, n2 alive, n3 alive, n4 alive");
});

test("a node that is cut off cannot leave, and stays a member with all that it has", async () => {
  lab.host(2).cut();
  try {
    await assert.rejects(
      client(1).json("POST", "/api/v1/leave"),
      /Cannot leave the cluster: no other member could be told/,
    );
  } finally {
    lab.host(2).heal();
  }
  await agree("n1 alive, n2 alive, n3 alive, n4 alive");
  const made = await client(1).json<Made>("POST", "/api/v1/join-tokens", { body: {} });
  const known = async (): Promise<boolean> => (await client().text("GET", "/api/v1/join-tokens")).includes(made.id);
  await eventually(known, { what: "a token of n2 on n1", timeoutMs: 30_000 });
});

test("a removed node is refused at once, and may join anew; one that leaves is gone from all lists", async () => {
  const [, second, third] = agents;
  assert.ok(second && third);
  const { message } = await client().json<{ message: string }>("DELETE", "/api/v1/members/n3");
  assert.match(message, /The node n3 is removed: .*, and the other 3 have a new gossip key/);
  clients.splice(2, 1)[0]?.close();
  await agree("n1 alive, n2 alive, n3 left, n4 alive");
  await eventually(() => /the node n3 was removed from the cluster/.test(third.output), {
    what: "n3 to hear of it",
    timeoutMs: 30_000,
  });
  await third.stop();
  agents[2] = await start(3, flagsOf(await makeToken()));
  clients.splice(2, 0, agents[2].client());
  await agree("n1 alive, n2 alive, n3 alive, n4 alive");

  const left = await client(1).json<{ message: string }>("POST", "/api/v1/leave");
  assert.match(left.message, /The node n2 has left the cluster, and its agent ends/);
  clients.splice(1, 1)[0]?.close();
  const ended = (): boolean => /agent process cannot run here/.test(second.output) && /has left/.test(second.output);
  await eventually(ended, { what: "the agent's end" });
  await agree("n1 alive, n2 left, n3 alive, n4 alive");
  await eventually(() => second.stop().then(() => true), { what: "the supervisor's end" });
  agents.splice(1, 1);
  await assert.rejects(client().json("DELETE", "/api/v1/members/n9"), /there is no member n9/);
});

test("who may not join is told why, and so is the owner, by an Event and a metric", async () => {
  await agents[2]?.stop();
  agents.splice(2, 1);
  clients.splice(2, 1)[0]?.close();
  const revoked = await makeToken({ name: "revoked" });
  await client().json("DELETE", `/api/v1/join-tokens/${revoked.id}`);
  const place = { host: lab.host(4), user: "root" } as const;
  const dataDir = join(lab.host(4).folder, "refused");
  const attempt = (flags: readonly string[]): Promise<unknown> =>
    AgentProcess.start({ place, dataDir, flags: ["--node-name=n1", ...flags] });
  await assert.rejects(attempt(flagsOf(revoked)), /Cannot join through 10\.99\.0\.1:7946: the join token was revoked/);
  const good = await makeToken({ uses: 1 });
  await assert.rejects(attempt(flagsOf(good)), /the name n1 is this member's own: give the joining node another one/);
  await assert.rejects(attempt([`--join=${good.address}`]), /Cannot join without a token: print one on a member/);
  await assert.rejects(attempt(["--join=10.99.0.1", "--join-token=PSWM-1-x"]), /Cannot use --join-token: .*was it cut/);
  rmSync(dataDir, { recursive: true, force: true });
  const reasons = async (): Promise<string[]> => {
    const { items } = await client().json<{ items: { reason: string }[] }>("GET", "/api/v1/namespaces/default/events");
    return items.map(({ reason }) => reason);
  };
  for (const reason of ["TokenRevoked", "NameTaken", "NodeJoined"]) {
    await eventually(async () => (await reasons()).includes(reason), { what: `an Event ${reason}` });
  }
  const metrics = await client().text("GET", "/metrics");
  assert.match(metrics, /podman_swarm_cluster_refusals_total\{reason="TokenRevoked"\} 1/);
  const living = async (): Promise<boolean> =>
    /podman_swarm_cluster_members 2\n/.test(await client().text("GET", "/metrics"));
  await eventually(living, { what: "two living members", timeoutMs: 30_000 });
  const { join_tokens: tokens } = await client().json<{
    join_tokens: { id: string; uses_left: number; state: string }[];
  }>("GET", "/api/v1/join-tokens");
  const stateOf = (id: string): unknown => tokens.find((token) => token.id === id);
  assert.deepEqual(stateOf(revoked.id), { ...(stateOf(revoked.id) as object), state: "revoked", uses_left: null });
  assert.deepEqual(stateOf(good.id), { ...(stateOf(good.id) as object), state: "usable", uses_left: 1 });
});
