import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ApiClient } from "../../src/client/api-client.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { FrozenDisk } from "./pauses/frozen-disk.ts";

/**
 * Three agents on hosts of a lab. One of them, whose data is on a disk of its own, is disturbed as happens on busy
 * machines; the two others must not take it for dead, which their counters of deaths tell even of an instant.
 */
const BUSY_MS = 2000;
/** Longer than the four seconds after which the Go library declares a death among three. */
const AWAY_MS = 5000;
const disturbed = "n3";

let lab: Lab;
let disk: FrozenDisk;
let folder: string;
const agents: AgentProcess[] = [];
const clients: ApiClient[] = [];

interface MemberList {
  readonly members: readonly { readonly name: string; readonly state: string }[];
}

async function start(host: number, options: { flags?: readonly string[]; dataDir?: string } = {}): Promise<void> {
  const place = { host: lab.host(host), user: "root" } as const;
  const flags = [`--node-name=n${host}`, ...(options.flags ?? [])];
  const { dataDir } = options;
  agents.push(await AgentProcess.start({ place, flags, ...(dataDir === undefined ? {} : { dataDir }) }));
}

const victim = (): AgentProcess => agents[2] as AgentProcess;
const observers = (): ApiClient[] => clients.slice(0, 2);

async function stateSeenBy(client: ApiClient): Promise<string | undefined> {
  const { members } = await client.json<MemberList>("GET", "/api/v1/members");
  return members.find(({ name }) => name === disturbed)?.state;
}

async function counter(client: ApiClient, name: string): Promise<number> {
  const text = await client.text("GET", "/metrics");
  return Number(new RegExp(`^podman_swarm_membership\\{name="${name}"\\} (\\d+)`, "m").exec(text)?.[1] ?? Number.NaN);
}

/** What the observers count once they have counted anew, which they do every 15 s. */
async function freshCounters(name: string): Promise<number[]> {
  return await Promise.all(
    observers().map(async (client) => {
      const probes = await counter(client, "probes");
      const anew = async (): Promise<boolean> => (await counter(client, "probes")) > probes;
      await eventually(anew, { timeoutMs: 40_000, everyMs: 250, what: "counters that go on" });
      return await counter(client, name);
    }),
  );
}

async function nobodySawADeath(): Promise<void> {
  for (const client of observers())
    await eventually(async () => (await stateSeenBy(client)) === "alive", {
      timeoutMs: 30_000,
      what: `${disturbed} alive`,
    });
  assert.deepEqual(await freshCounters("deaths"), [0, 0]);
}

before(async () => {
  lab = await Lab.start({ hosts: 3 });
  folder = mkdtempSync(join(tmpdir(), "podman-swarm-pauses-"));
  await start(1);
  const first = (agents[0] as AgentProcess).client();
  clients.push(first);
  const order = await first.json<{ token: string; address: string }>("POST", "/api/v1/join-tokens", { body: {} });
  const flags = [`--join=${order.address}`, `--join-token=${order.token}`];
  await start(2, { flags });
  clients.push((agents[1] as AgentProcess).client());
  disk = await FrozenDisk.make(lab.host(3));
  await start(3, { flags, dataDir: join(disk.folder, "node") });
  // The test does not see the host's disk.
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, await disk.read("node/kubeconfig"), { mode: 0o600 });
  clients.push(new ApiClient(readKubeconfig(kubeconfig).connection));
  for (const client of observers()) await eventually(async () => (await stateSeenBy(client)) === "alive");
});

after(async () => {
  for (const one of clients) one.close();
  await Promise.all(agents.map((agent) => agent.stop()));
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a disk that takes no write for two seconds makes nobody take the node for dead", async (t) => {
  const frozen = disk.freeze(BUSY_MS / 1000);
  const began = systemClock.monotonic();
  const body = { metadata: { name: "waits" }, data: {} };
  await (clients[2] as ApiClient).json("POST", "/api/v1/namespaces/default/configmaps", { body });
  const took = systemClock.monotonic() - began;
  await frozen;
  t.diagnostic(`a write on the blocked disk took ${Math.round(took)} ms`);
  assert.ok(took > BUSY_MS / 2, "the disk was blocked");
  await nobodySawADeath();
});

test("a main loop that is busy for two seconds makes nobody take the node for dead", async (t) => {
  process.kill(victim().pidOf("run-agent"), "SIGUSR1");
  const script = fileURLToPath(new URL("pauses/keep-busy.ts", import.meta.url));
  const busy = await victim().run([process.execPath, script, `${BUSY_MS}`]);
  t.diagnostic(`the main thread was busy for ${busy} ms`);
  assert.ok(Number(busy) >= BUSY_MS);
  await nobodySawADeath();
});

test("an agent that stands still as a whole for two seconds is not taken for dead", async () => {
  const pid = victim().pidOf("run-agent");
  process.kill(pid, "SIGSTOP");
  try {
    await systemClock.sleep(BUSY_MS);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await nobodySawADeath();
});

test("an agent that is killed and back within ten seconds is not taken for dead", async (t) => {
  const killed = victim().pidOf("run-agent");
  const began = systemClock.monotonic();
  process.kill(killed, "SIGKILL");
  await victim().ready();
  const back = async (): Promise<boolean> => (await fetch(`${victim().httpUrl}/readyz`)).ok;
  await eventually(async () => victim().pidOf("run-agent") !== killed && (await back()), { timeoutMs: 30_000 });
  t.diagnostic(`the agent was back after ${Math.round(systemClock.monotonic() - began)} ms`);
  await nobodySawADeath();
});

test("a node whose processes are all gone for more than five seconds is not taken for dead while its host answers", async (t) => {
  const began = systemClock.monotonic();
  await victim().end("SIGKILL");
  await systemClock.sleep(AWAY_MS);
  await victim().startAgain();
  const gone = systemClock.monotonic() - began;
  t.diagnostic(`the agent was back after ${Math.round(gone)} ms`);
  assert.ok(gone < 10_000, `it took ${Math.round(gone)} ms, which is a restart that may be seen as a death`);
  await nobodySawADeath();
  t.diagnostic(`suspicions of the two others, over all tests: ${(await freshCounters("suspicions")).join(" and ")}`);
});
