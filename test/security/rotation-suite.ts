import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { pinnedKubectls } from "../kubectl/pinned-kubectl.ts";
import { eventually } from "../poll.ts";
import type { AgentPlace, AgentProcess } from "../support/agent-process.ts";
import { joinFlags, type JoinOrder, startMember } from "../support/member-agent.ts";
import { agreeOn, memberList } from "../support/member-lists.ts";
import { psctlText } from "../support/psctl-text.ts";
import { ApiLoad, PeerLoad } from "./rotation-load.ts";

const HOSTS = 4;
const EVERYONE = "n1 alive, n2 alive, n3 alive";

interface Shown {
  readonly fingerprint: string;
  readonly until: string;
}

interface CaStatus {
  readonly signing: Shown;
  readonly staged: Shown | null;
  readonly older: readonly Shown[];
}

const times: string[] = [];
let lab: Lab;
let token: JoinOrder | undefined;
let oldKubeconfig: string;
const agents: AgentProcess[] = [];
const clients: ApiClient[] = [];

const agent = (host: number): AgentProcess => agents[host - 1] as AgentProcess;
const client = (host: number): ApiClient => clients[host - 1] as ApiClient;
const status = (host: number): Promise<CaStatus> => client(host).json<CaStatus>("GET", "/api/v1/ca");

async function rotate(host: number, what: "ca" | "keys/gossip"): Promise<string> {
  const began = systemClock.monotonic();
  const { message } = await client(host).json<{ message: string }>("POST", `/api/v1/${what}/rotate`);
  times.push(`${what} through n${host}: ${Math.round(systemClock.monotonic() - began)} ms`);
  return message;
}

/** Without those that have left: they are listed for a while still. */
async function listOf(host: number): Promise<string> {
  const there = (await memberList(client(host))).split(", ").filter((one) => !one.endsWith(" left"));
  return there.join(", ");
}

async function agree(expected: string, hosts: readonly number[] = [1, 2, 3]): Promise<void> {
  await agreeOn(expected, () => Promise.all(hosts.map(listOf)));
}

/** All sign with the same CA, and none is being brought in. Gives its fingerprint. */
async function sameCa(hosts: readonly number[] = [1, 2, 3]): Promise<string> {
  return await eventually(
    async () => {
      const all = await Promise.all(hosts.map(status));
      const [first = ""] = all.map(({ signing }) => signing.fingerprint);
      return all.every((one) => one.signing.fingerprint === first && !one.staged) && first;
    },
    { what: "the same CA everywhere", timeoutMs: 45_000, everyMs: 100 },
  );
}

/** Whether what the node shows and has was signed by the CA that it signs with. */
function renewed(host: number): boolean {
  const read = (name: string): X509Certificate => new X509Certificate(readFileSync(join(agent(host).dataDir, name)));
  const { publicKey } = read("pki/ca.crt");
  return ["pki/node.crt", "pki/server.crt", "pki/ingress/server.crt"].every((name) => read(name).verify(publicKey));
}

async function kubectl(kubeconfig: string): Promise<string> {
  const latest = (await pinnedKubectls()).at(-1);
  const { stdout } = await promisify(execFile)(latest?.file ?? "", ["--kubeconfig", kubeconfig, "get", "namespaces"]);
  return stdout;
}

/** What a cluster goes through whose keys are replaced while it runs. The tests build on one another. */
export function rotationSuite({ user }: { readonly user: AgentPlace["user"] }): void {
  before(async () => {
    lab = await Lab.start({ hosts: HOSTS });
    for (let host = 1; host <= 3; host += 1) {
      agents.push(await startMember(lab, { host, user, flags: joinFlags(token) }));
      clients.push(agent(host).client());
      if (host === 1)
        token = await client(1).json<JoinOrder>("POST", "/api/v1/join-tokens", { body: { name: "first" } });
    }
    await agree(EVERYONE);
    oldKubeconfig = join(agent(1).dataDir, "kubeconfig.old");
    for (const { kubeconfig } of agents) copyFileSync(kubeconfig, `${kubeconfig}.old`);
  });

  after(async () => {
    for (const one of clients) one.close();
    await Promise.all(agents.map((one) => one.stop()));
    await lab?.stop();
  });

  test("CA and gossip key are replaced under load, and nothing fails on old kubeconfigs and between members", async (t) => {
    const loads = agents.map(({ kubeconfig }) => new ApiLoad(`${kubeconfig}.old`, EVERYONE));
    const peers = new PeerLoad(lab.host(2), { dataDir: agent(2).dataDir, hosts: ["10.99.0.1", "10.99.0.3"] });
    const more = (): Promise<unknown> => Promise.all(loads.map((load) => load.more()));
    const first = await sameCa();
    const told = await rotate(1, "ca");
    assert.match(told, /^The cluster's CA is replaced: [0-9a-f]{16} signs from now on\.\n.* are good until 2/);
    assert.notEqual(await sameCa(), first);
    for (const host of [1, 2, 3]) assert.ok(renewed(host), `n${host} has certificates of the new CA`);
    await more();
    assert.equal(await rotate(2, "keys/gossip"), "The gossip key is replaced on all 3 nodes.");
    await more();
    await rotate(3, "ca");
    const { older } = await status(1);
    assert.equal(older.length, 2);
    assert.equal(older[1]?.fingerprint, first);
    await more();
    await agree(EVERYONE);
    await Promise.all(loads.map((load) => load.stop()));
    const { connections, failures } = await peers.stop();
    t.diagnostic(
      `${loads.reduce((sum, { requests }) => sum + requests, 0)} requests, ${connections} connections; ${times.join("; ")}`,
    );
    assert.deepEqual([...loads.flatMap((load) => load.failures), ...failures], []);
    assert.ok(connections > 10);
  });

  test("psctl tells which CAs are believed, and for how long", async () => {
    const told = await psctlText(oldKubeconfig, "ca", "status");
    const { signing, older } = await status(1);
    const rows = told.split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(rows, [
      ["USE", "UNTIL", "SHA-256"],
      ["signs", signing.until, signing.fingerprint],
      ...older.map(({ until, fingerprint }) => ["is believed", until, fingerprint]),
      [""],
    ]);
  });

  test("what cannot be meant is refused, and says what can", async () => {
    const cases = [
      [{ overlap: 0 }, /"overlap" must be a whole number of seconds from 1 to \d+ \(366 days\)/],
      [{ overlap: "1h" }, /"overlap" must be/],
      [{ compromised: 1 }, /"compromised" must be true or false/],
      [{ compromised: true, overlap: 5 }, /of no use with "compromised"/],
    ] as const;
    for (const [body, expected] of cases) {
      await assert.rejects(client(1).json("POST", "/api/v1/ca/rotate", { body }), expected);
    }
    await assert.rejects(
      client(1).json("DELETE", "/api/v1/members/n2?compromised=x"),
      /"compromised" must be true or false/,
    );
  });

  test("pods are told of all CAs to believe", async () => {
    const path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt";
    const told = async (): Promise<number> => {
      const { data } = await client(2).json<{ data: Record<string, string> }>("GET", path);
      return (data["ca.crt"] ?? "").split("BEGIN CERTIFICATE").length - 1;
    };
    await eventually(async () => (await told()) === 3, { what: "three CAs" });
  });

  test("kubectl works with the kubeconfig from before, and with the new one", async () => {
    assert.notEqual(readFileSync(agent(1).kubeconfig, "utf8"), readFileSync(oldKubeconfig, "utf8"));
    for (const file of [oldKubeconfig, agent(1).kubeconfig]) assert.match(await kubectl(file), /kube-system +Active/);
  });

  test("a join token from before is good in the meantime", async () => {
    agents.push(await startMember(lab, { host: 4, user, flags: joinFlags(token) }));
    clients.push(agent(4).client());
    await agree(`${EVERYONE}, n4 alive`, [1, 2, 3, 4]);
    await sameCa([1, 2, 3, 4]);
    await client(4).json("POST", "/api/v1/leave");
    await eventually(() => /agent process cannot run here/.test(agent(4).output), { what: "the agent's end" });
    clients.pop()?.close();
    await agents.pop()?.stop();
  });

  test("a suspected member that cannot be reached is away, and gets the gossip key when it is back", async () => {
    lab.host(3).cut();
    await eventually(async () => /n3 (suspect|dead)/.test(await listOf(1)), { what: "a suspect", timeoutMs: 20_000 });
    const message = await rotate(1, "keys/gossip");
    assert.equal(message, "The gossip key is replaced on all 2 nodes. n3 was away and gets it when it is back.");
    lab.host(3).heal();
    await agree(EVERYONE);
  });

  test("a member that crashes in the middle is named, and has the new CA when it is back", async () => {
    const before = await sameCa();
    const crashed = lab.host(3).crash();
    assert.match(await rotate(2, "ca"), /n3 was away and gets it when it is back\./);
    await crashed;
    clients.pop()?.close();
    await lab.host(3).boot();
    await agent(3).startAgain();
    clients.push(agent(3).client());
    await agree(EVERYONE);
    assert.notEqual(await sameCa(), before);
    await eventually(() => renewed(3), { what: "certificates of the new CA" });
  });

  test("where the member breaks off that was asked, another one goes on with the same new CA", async () => {
    const before = await sameCa();
    const slow = agent(3).pidOf("run-agent");
    process.kill(slow, "SIGSTOP");
    let made = "";
    try {
      const broken = assert.rejects(rotate(1, "ca"));
      made = await eventually(async () => (await status(2)).staged?.fingerprint, { what: "a staged CA", everyMs: 5 });
      process.kill(agent(1).pidOf("run-agent"), "SIGKILL");
      await broken;
    } finally {
      process.kill(slow, "SIGCONT");
    }
    await agent(1).ready();
    await agree(EVERYONE);
    assert.deepEqual(
      (await Promise.all([1, 2].map(status))).map(({ signing, staged }) => [signing.fingerprint, staged?.fingerprint]),
      [
        [before, made],
        [before, made],
      ],
    );
    await rotate(2, "ca");
    assert.equal(await sameCa(), made);
  });

  test("a member that was cut off meanwhile keeps its place, and nobody notices", async () => {
    const before = await sameCa();
    lab.host(3).cut();
    await agree("n1 alive, n2 alive, n3 dead", [1, 2]);
    const loads = [1, 2].map((host) => new ApiLoad(`${agent(host).kubeconfig}.old`));
    assert.match(await rotate(1, "ca"), /n3 was away and gets it when it is back\./);
    assert.match(await rotate(2, "keys/gossip"), /all 2 nodes\. n3 was away and gets it when it is back\./);
    await Promise.all(loads.map((load) => load.more()));
    await Promise.all(loads.map((load) => load.stop()));
    assert.deepEqual(
      loads.flatMap(({ failures }) => failures),
      [],
    );
    assert.equal((await status(3)).signing.fingerprint, before);
    lab.host(3).heal();
    await agree(EVERYONE);
    assert.notEqual(await sameCa(), before);
    await eventually(() => renewed(3), { what: "certificates of the new CA" });
    assert.match(await kubectl(oldKubeconfig), /kube-system +Active/);
  });

  test("two sides that replace it apart from each other have the same one when they meet", async () => {
    lab.host(3).cut();
    await agree("n1 alive, n2 alive, n3 dead", [1, 2]);
    await agree("n1 dead, n2 dead, n3 alive", [3]);
    await Promise.all([rotate(1, "ca"), rotate(3, "ca")]);
    const apart = [await sameCa([1, 2]), await sameCa([3])];
    lab.host(3).heal();
    await agree(EVERYONE);
    assert.ok(apart.includes(await sameCa()));
    await eventually(() => [1, 2, 3].every(renewed), { what: "certificates of that CA" });
  });
}
