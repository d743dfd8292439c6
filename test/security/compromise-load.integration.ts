import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import type { Connection } from "../../src/client/connection.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import type { AgentProcess } from "../support/agent-process.ts";
import { joinFlags, type JoinOrder, startMember } from "../support/member-agent.ts";
import { agreeOn, memberList } from "../support/member-lists.ts";
import { psctlText } from "../support/psctl-text.ts";
import { type Kept, OldClient, RenewingWriter } from "./compromise-load.ts";
import { PeerLoad } from "./rotation-load.ts";

const HOSTS = 3;
/** So that there is something to encrypt anew. */
const SECRETS_BEFORE = 150;

let lab: Lab;
const agents: AgentProcess[] = [];
/** What was acknowledged, by the host whose node has it. */
const kept = new Map<number, Map<string, Kept>>();

const agent = (host: number): AgentProcess => agents[host - 1] as AgentProcess;

async function ask<T>(host: number, method: string, path: string, body: object = {}): Promise<T> {
  const client = agent(host).client();
  try {
    return await client.json<T>(method, path, method === "GET" ? {} : { body });
  } finally {
    client.close();
  }
}

const byCertificate = (host: number): Connection => readKubeconfig(agent(host).kubeconfig).connection;

function byToken(host: number): Connection {
  const { server, ca = "" } = byCertificate(host);
  return { server, ca, token: readFileSync(join(agent(host).dataDir, "api-token"), "utf8").trim() };
}

async function agree(expected: RegExp, hosts: readonly number[]): Promise<void> {
  const list = (host: number): Promise<string> => memberList({ json: (method, path) => ask(host, method, path) });
  await agreeOn(expected, () => Promise.all(hosts.map(list)));
}

async function writeSecrets(host: number): Promise<void> {
  const client = agent(host).client();
  const known = new Map<string, Kept>();
  const write = async (_: unknown, at: number): Promise<void> => {
    const [name, value] = [`before-${at}`, `from before, ${at}`];
    const body = { metadata: { name }, stringData: { value } };
    await client.json("POST", "/api/v1/namespaces/default/secrets", { body });
    known.set(name, { resource: "secrets", value });
  };
  await Promise.all(Array.from({ length: SECRETS_BEFORE }, write));
  kept.set(host, known);
  client.close();
}

/** Everything that was ever acknowledged is there, as it was last. */
async function assertKept(host: number): Promise<void> {
  const read = async (resource: Kept["resource"]): Promise<[string, Kept][]> => {
    interface List {
      readonly items: readonly { readonly metadata: { readonly name: string }; readonly data?: { value?: string } }[];
    }
    const { items } = await ask<List>(host, "GET", `/api/v1/namespaces/default/${resource}`);
    return items.map(({ metadata, data }) => {
      const value = data?.value ?? "";
      return [
        metadata.name,
        { resource, value: resource === "secrets" ? Buffer.from(value, "base64").toString() : value },
      ];
    });
  };
  const there = new Map([...(await read("secrets")), ...(await read("configmaps"))]);
  const wanted = [...(kept.get(host) ?? [])];
  const found = wanted.map(([name]): [string, Kept | undefined] => [name, there.get(name)]);
  assert.deepEqual(found, wanted);
}

/** Runs psctl under load, and sees that whoever has what is new goes on, and that whoever has what is old does not. */
async function underLoad(t: TestContext, hosts: readonly number[], words: readonly string[]): Promise<string> {
  const round = words.join("-").replaceAll(/[^a-z0-9]+/g, "-");
  const writers = hosts.flatMap((host) =>
    [byCertificate, byToken].map((read) => {
      return { host, writer: new RenewingWriter(`${round}-${read.name.toLowerCase()}`, () => read(host)) };
    }),
  );
  const old = hosts.flatMap((host) => [
    new OldClient({ connection: byCertificate(host), believesAny: false }),
    new OldClient({ connection: byCertificate(host), believesAny: true }),
    new OldClient({ connection: byToken(host), believesAny: true }),
  ]);
  const [from = 1, to = 2] = hosts.toReversed();
  const peers = new PeerLoad(lab.host(from), { dataDir: agent(from).dataDir, hosts: [`10.99.0.${to}`] });
  const more = (): Promise<unknown> => Promise.all(writers.map(({ writer }) => writer.more()));
  await more();
  const began = systemClock.monotonic();
  const told = await psctlText(agent(from).kubeconfig, ...words);
  const answered = systemClock.monotonic();
  await more();
  await Promise.all([...writers.map(({ writer }) => writer.stop()), ...old.map((one) => one.stop())]);
  const { connections, failures } = await peers.stop();
  for (const { host, writer } of writers) kept.set(host, new Map([...(kept.get(host) ?? []), ...writer.kept]));
  const sum = (of: "requests" | "refusals"): number => writers.reduce((all, { writer }) => all + writer[of], 0);
  const gap = Math.max(...writers.map(({ writer }) => writer.longestGapMs));
  t.diagnostic(
    `psctl ${words.join(" ")}: ${Math.round(answered - began)} ms; ${sum("requests")} writes, ${sum("refusals")} refusals ` +
      `until what is new was read; the longest time without an answer is ${Math.round(gap)} ms; ${connections} connections ` +
      `between members; who had what is old saw ${[...new Set(old.flatMap((one) => one.endings()))].toSorted().join(", ")}`,
  );
  assert.deepEqual([...writers.flatMap(({ writer }) => writer.failures), ...failures], []);
  assert.ok(connections > 10);
  const refusal = /^(401|refused: \w+)$/;
  for (const one of old) {
    assert.ok(one.endings().includes("200"), "it was good once");
    assert.deepEqual(
      one.endings().filter((ending) => ending !== "200" && !refusal.test(ending)),
      [],
    );
    const late = one.endings(answered);
    assert.ok(late.length > 0 && late.every((ending) => refusal.test(ending)), `afterwards it sees ${late.join()}`);
  }
  return told;
}

before(async () => {
  lab = await Lab.start({ hosts: HOSTS });
  let order: JoinOrder | undefined;
  for (let host = 1; host <= HOSTS; host += 1) {
    agents.push(await startMember(lab, { host, flags: joinFlags(order) }));
    order ??= await ask<JoinOrder>(1, "POST", "/api/v1/join-tokens");
  }
  await agree(/^n1 alive, n2 alive, n3 alive$/, [1, 2, 3]);
  await Promise.all([1, 2, 3].map(writeSecrets));
});

after(async () => {
  await Promise.all(agents.map((one) => one.stop()));
  await lab?.stop();
});

test("everything is replaced under load: who reads what is new goes on, who has what is old is refused", async (t) => {
  const told = await underLoad(t, [1, 2, 3], ["ca", "rotate", "--compromised"]);
  assert.match(told, /^The CA, the gossip key and the data keys are replaced on 3 nodes, and all join and API tokens/);
  assert.doesNotMatch(told, /Not done|was away|older data key stays/);
  await agree(/^n1 alive, n2 alive, n3 alive$/, [1, 2, 3]);
  for (const host of [1, 2, 3]) await assertKept(host);
});

test("a member is removed with --compromised under load, and the others go on", async (t) => {
  const told = await underLoad(t, [1, 2], ["members", "remove", "n3", "--compromised"]);
  assert.match(told, /^The node n3 is removed: .*\nThe CA, the gossip key and the data keys are replaced on 2 nodes/);
  assert.doesNotMatch(told, /Not done|was away|older data key stays/);
  await agree(/^n1 alive, n2 alive, n3 (dead|left)$/, [1, 2]);
  for (const host of [1, 2]) await assertKept(host);
});

test("all that was acknowledged meanwhile is there after an agent's restart and after its crash", async () => {
  await agent(1).end();
  await agent(1).startAgain();
  process.kill(agent(2).pidOf("run-agent"), "SIGKILL");
  await eventually(async () => await ask(2, "GET", "/api/v1/members"), { what: "n2 again", timeoutMs: 30_000 });
  for (const host of [1, 2]) {
    const { keys } = JSON.parse(readFileSync(join(agent(host).dataDir, "data.key"), "utf8")) as { keys: object };
    assert.equal(Object.keys(keys).length, 1, "nothing is encrypted with an older data key");
    await assertKept(host);
  }
});
