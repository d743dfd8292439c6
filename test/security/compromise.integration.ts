import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, readFileSync, watch, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { KeyPair } from "../../src/security/certificates/ca-material.ts";
import { ClusterAuthority } from "../../src/security/certificates/cluster-authority.ts";
import { nodeOrder } from "../../src/security/certificates/node-certificate.ts";
import { pinnedKubectls } from "../kubectl/pinned-kubectl.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { copyDisk } from "../support/copied-disk.ts";
import { joinFlags, type JoinOrder, startMember } from "../support/member-agent.ts";
import { agreeOn, memberList } from "../support/member-lists.ts";
import { psctlText } from "../support/psctl-text.ts";
import { PeerLoad } from "./rotation-load.ts";

/** n3's disk is copied by a thief, and n4 is cut off when everything is replaced. */
const HOSTS = 4;
const ALL = "n1 alive, n2 alive, n3 alive, n4 alive";

let lab: Lab;
let loot: string;
let oldToken: JoinOrder | undefined;
const agents: AgentProcess[] = [];

const agent = (host: number): AgentProcess => agents[host - 1] as AgentProcess;

/** With the kubeconfig that the node has now. */
async function as<T>(host: number, work: (client: ApiClient) => Promise<T>): Promise<T> {
  const client = agent(host).client();
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const newToken = (): Promise<JoinOrder> =>
  as(1, (client) => client.json<JoinOrder>("POST", "/api/v1/join-tokens", { body: {} }));

const listOf = (host: number): Promise<string> => as(host, memberList);

async function agree(expected: RegExp, hosts: readonly number[]): Promise<void> {
  await agreeOn(expected, () => Promise.all(hosts.map(listOf)));
}

/** What a node's API answers to somebody who believes it in any case. */
async function answerTo(host: number, who: { pair?: KeyPair; token?: string }): Promise<number> {
  const headers = who.token === undefined ? {} : { Authorization: `Bearer ${who.token}` };
  const client = who.pair ? { cert: who.pair.certificate, key: who.pair.key } : {};
  const options = { port: agent(host).apiPort, path: "/api/v1/secrets", agent: false, headers, ...client };
  return await new Promise((resolve, reject) => {
    const asked = request({ ...options, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once("error", reject).end();
  });
}

function ownerIn(kubeconfig: string): KeyPair {
  const text = readFileSync(kubeconfig, "utf8");
  const part = (name: string): string =>
    Buffer.from(new RegExp(`${name}: (\\S+)`).exec(text)?.[1] ?? "", "base64").toString();
  return { certificate: part("client-certificate-data"), key: part("client-key-data") };
}

const psctl = (host: number, ...words: readonly string[]): Promise<string> =>
  psctlText(agent(host).kubeconfig, ...words);

before(async () => {
  lab = await Lab.start({ hosts: HOSTS });
  for (let host = 1; host <= HOSTS; host += 1) {
    agents.push(await startMember(lab, { host, flags: joinFlags(oldToken) }));
    if (host === 1) oldToken = await newToken();
  }
  await agree(new RegExp(`^${ALL}$`), [1, 2, 3, 4]);
  loot = join(lab.host(3).folder, "loot");
});

after(async () => {
  await Promise.all(agents.map((one) => one.stop()));
  await lab?.stop();
});

test("a node whose disk was copied is removed with --compromised", async () => {
  await copyDisk(agent(3).dataDir, loot);
  await copyDisk(agent(1).dataDir, `${loot}-n1`);
  lab.host(4).cut();
  await agree(/n3 alive, n4 dead/, [1, 2, 3]);
  const told = await psctl(1, "members", "remove", "n3", "--compromised");
  assert.match(
    told,
    /^The node n3 is removed: its certificates are refused\.\nThe CA, the gossip key and the data keys/,
  );
  assert.match(told, /replaced on 2 nodes, and all join and API tokens are revoked/);
  assert.match(told, /\nn4 was away: to come back, join again with a new token\.\n/);
  for (const host of [1, 2]) {
    const changed = (name: string): boolean => {
      const before = readFileSync(join(`${loot}-n1`, name), "utf8");
      return readFileSync(join(agent(host).dataDir, name), "utf8") !== before;
    };
    for (const name of ["data.key", "api-token", "kubeconfig", "pki/ca.crt", "pki/gossip.json"]) {
      assert.ok(changed(name), `n${host} has another ${name}`);
    }
  }
});

test("what the thief signs with the copied key of the CA is believed nowhere", async () => {
  const stolen = await ClusterAuthority.open({ directory: join(loot, "pki"), clock: systemClock });
  const forged = stolen.issue(nodeOrder({ clusterId: stolen.clusterId, nodeName: "n2" }, ["10.99.0.3"]));
  const forger = join(lab.host(3).folder, "forger");
  cpSync(loot, forger, { recursive: true });
  if (readFileSync(join(forger, "pki/ca.crt"), "utf8") !== stolen.certificate)
    assert.fail("the thief's CA is the old one");
  writeFileSync(join(forger, "pki/node.crt"), forged.certificate);
  writeFileSync(join(forger, "pki/node.key"), forged.key);
  writeFileSync(join(forger, "pki/ca.json"), JSON.stringify(stolen.material));
  const hosts = ["10.99.0.1", "10.99.0.2"];
  const load = new PeerLoad(lab.host(3), { dataDir: forger, hosts, env: { BELIEVES: "any" } });
  const refused = async (): Promise<boolean> => {
    const all = await Promise.all([1, 2].map((host) => as(host, (client) => client.text("GET", "/metrics"))));
    return all.every((text) => /cluster_refusals_total\{reason="UntrustedCertificate"\} [1-9]/.test(text));
  };
  await eventually(refused, { what: "refusals by both", timeoutMs: 20_000 });
  const { connections, failures } = await load.stop();
  assert.equal(connections, 0);
  assert.match(
    failures[0] ?? "",
    /that the other side believes \(self-signed certificate in certificate chain|believes \(/,
  );
  const owner = stolen.issue({ usage: "client", commonName: "me", organizations: ["system:masters"], days: 1 });
  for (const host of [1, 2]) assert.equal(await answerTo(host, { pair: owner }), 401);
});

test("kubeconfigs and tokens from before are refused, and the new ones work", async () => {
  for (const host of [1, 2]) {
    for (const copy of [loot, `${loot}-n1`]) {
      assert.equal(await answerTo(host, { pair: ownerIn(join(copy, "kubeconfig")) }), 401);
      assert.equal(await answerTo(host, { token: readFileSync(join(copy, "api-token"), "utf8").trim() }), 401);
    }
    const token = readFileSync(join(agent(host).dataDir, "api-token"), "utf8").trim();
    assert.equal(await answerTo(host, { token }), 200);
  }
  const latest = (await pinnedKubectls()).at(-1)?.file ?? "";
  const get = (kubeconfig: string) => promisify(execFile)(latest, ["--kubeconfig", kubeconfig, "get", "namespaces"]);
  assert.match((await get(agent(1).kubeconfig)).stdout, /kube-system +Active/);
  await assert.rejects(get(join(`${loot}-n1`, "kubeconfig")), /certificate signed by unknown authority/);
  await agent(3).end();
  const dataDir = join(lab.host(3).folder, "again");
  const again = AgentProcess.start({
    place: { host: lab.host(3), user: "root" },
    dataDir,
    flags: ["--node-name=n9", "--bind-addr=0.0.0.0:7999", ...joinFlags(oldToken)],
  });
  await assert.rejects(again, /print a new token if the CA was replaced\. Nothing was sent to it/);
});

test("a member that was away is told on both sides, and joins again on what it has", async () => {
  // Whoever is dead is forgotten after half a minute, n4 perhaps before n3 is taken for dead.
  await agree(/^n1 alive, n2 alive(, n3 (dead|left))?(, n4 dead)?$/, [1, 2]);
  lab.host(4).heal();
  const told = /that one has to join again with a new token/;
  await eventually(() => told.test(agent(4).output), { what: "a sentence on n4", timeoutMs: 45_000 });
  const events = async (): Promise<boolean> => {
    const [one, two] = await Promise.all(
      [1, 2].map((host) => as(host, (client) => client.text("GET", "/api/v1/namespaces/default/events"))),
    );
    return [one, two].some((text) =>
      /Refused \\"n4\\" at 10\.99\.0\.4 on the cluster port: .*join again/.test(text ?? ""),
    );
  };
  await eventually(events, { what: "an Event on a member", timeoutMs: 45_000 });
  assert.doesNotMatch(await listOf(1), /n4 (alive|suspect)/);
  const { dataDir } = agent(4);
  await agent(4).end();
  agents[3] = await startMember(lab, { host: 4, flags: joinFlags(await newToken()), dataDir });
  await agree(/^n1 alive, n2 alive, (n3 (dead|left), )?n4 alive$/, [1, 2, 4]);
});

test("where --compromised breaks off, only --compromised goes on with it", async () => {
  const slow = agent(4).pidOf("run-agent");
  // It stands still from the moment in which n1 has the new CA: then nobody goes on before it is taken for lost.
  const halt = watch(join(agent(1).dataDir, "pki"), (_, name) => {
    if (name === "ca.json") process.kill(slow, "SIGSTOP");
  });
  try {
    const broken = assert.rejects(psctl(1, "ca", "rotate", "--compromised"));
    const goesOn = /psctl ca rotate --compromised goes on with it/;
    const staged = async (): Promise<boolean> => goesOn.test(await psctl(2, "ca", "status"));
    await eventually(staged, { what: "a staged CA", everyMs: 5, timeoutMs: 30_000 });
    process.kill(agent(1).pidOf("run-agent"), "SIGKILL");
    await broken;
  } finally {
    halt.close();
    process.kill(slow, "SIGCONT");
  }
  await agent(1).ready();
  await agree(/^n1 alive, n2 alive, (n3 (dead|left), )?n4 alive$/, [1, 2, 4]);
  await assert.rejects(psctl(2, "ca", "rotate"), /it was begun with --compromised and broke off: run that again/);
  const before = readFileSync(agent(4).kubeconfig, "utf8");
  assert.match(await psctl(2, "ca", "rotate", "--compromised"), /are replaced on 3 nodes, and all join and API tokens/);
  assert.notEqual(readFileSync(agent(4).kubeconfig, "utf8"), before);
  for (const host of [1, 2, 4])
    assert.doesNotMatch(await psctl(host, "ca", "status"), /is believed|is being brought in/);
});
