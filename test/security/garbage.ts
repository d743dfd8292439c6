import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/root.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { agreeOn, memberList, withoutSuspicion } from "../support/member-lists.ts";

/** More than this the agent must not need for what strangers send: 64 MB of streams, and room for the collector. */
const MOST_GROWTH_MB = 160;
/** An answer of the API, on a machine with other work. */
const LONGEST_ANSWER_MS = 3_000;
const MEMBERS = "n1 alive, n2 alive";

interface MemberList {
  readonly cluster: string;
  readonly members: readonly { readonly name: string; readonly state: string }[];
}

/** What the agent's process holds in memory, in MB. */
function memoryOf(agent: AgentProcess): number {
  const status = readFileSync(`/proc/${agent.pidOf("run-agent")}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** The sum of a counter's lines that have all these labels. */
function sumOf(metrics: string, name: string, label = ""): number {
  const lines = metrics.split("\n").filter((line) => line.startsWith(name) && line.includes(label));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** Two nodes live, a third host throws garbage at the first one's cluster port for so long: nothing changes. */
export function garbageTest(seconds: number): void {
  let lab: Lab;
  const agents: AgentProcess[] = [];
  const clients: ApiClient[] = [];

  before(async () => {
    lab = await Lab.start({ hosts: 3 });
    const start = async (host: number, flags: readonly string[] = []): Promise<void> => {
      const place = { host: lab.host(host), user: "root" } as const;
      const all = [`--node-name=n${host}`, ...flags];
      agents.push(await AgentProcess.start({ place, flags: all }));
      clients.push(agents.at(-1)?.client() as ApiClient);
    };
    await start(1);
    const made = await clients[0]?.json<{ token: string; address: string }>("POST", "/api/v1/join-tokens", {
      body: {},
    });
    await start(2, [`--join=${made?.address}`, `--join-token=${made?.token}`]);
  });

  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(agents.map((agent) => agent.stop()));
    await lab?.stop();
  });

  test(`${seconds} seconds of garbage on the cluster port change nothing`, async (t) => {
    const [agent, first, second] = [agents[0], clients[0], clients[1]];
    assert.ok(agent && first && second);
    const lists = (): Promise<string[]> => Promise.all([memberList(first), memberList(second)]);
    await agreeOn(MEMBERS, lists);
    const { cluster } = await first.json<MemberList>("GET", "/api/v1/members");
    const before = memoryOf(agent);
    const pids = [agent.pid, agent.pidOf("run-agent")];

    const stranger = lab.host(3);
    const script = stranger.path(join(root, "test/security/garbage-sender.ts"));
    const seed = String(process.pid);
    t.diagnostic(`seed ${seed}`);
    const sender = stranger.spawn([
      stranger.path(process.execPath),
      script,
      lab.host(1).address,
      "7946",
      cluster,
      seed,
    ]);
    let said = "";
    for (const stream of [sender.stdout, sender.stderr]) stream?.on("data", (chunk) => (said += String(chunk)));
    const end = once(sender, "close");
    const seen = { most: before, slowest: 0, looks: 0 };
    const until = systemClock.monotonic() + seconds * 1000;
    try {
      while (systemClock.monotonic() < until) {
        assert.equal(sender.exitCode, null, said);
        const began = systemClock.monotonic();
        assert.deepEqual((await lists()).map(withoutSuspicion), [MEMBERS, MEMBERS]);
        await first.json("GET", "/api/v1/namespaces/default/pods");
        seen.slowest = Math.max(seen.slowest, systemClock.monotonic() - began);
        seen.most = Math.max(seen.most, memoryOf(agent));
        seen.looks += 1;
        await systemClock.sleep(100);
      }
    } finally {
      sender.stdin?.end();
      await end;
    }
    t.diagnostic(`sent: ${said}`);
    const { most, slowest, looks } = seen;
    t.diagnostic(
      `${looks} looks, the slowest took ${Math.round(slowest)} ms; memory ${before.toFixed()} to ${most.toFixed()} MB`,
    );
    assert.ok(looks > seconds && slowest < LONGEST_ANSWER_MS, `the API took ${slowest} ms`);
    assert.ok(most - before < MOST_GROWTH_MB, `memory grew from ${before} to ${most} MB`);
    assert.deepEqual([agent.pid, agent.pidOf("run-agent")], pids);

    await agreeOn(MEMBERS, lists);
    const { message } = await second.json<{ message: string }>("POST", "/api/v1/keys/gossip/rotate");
    assert.match(message, /on all 2 nodes/);
    const metrics = await first.text("GET", "/metrics");
    for (const reason of ["WrongKey", "PlainText", "Malformed"]) {
      const count = sumOf(metrics, "podman_swarm_gossip_refused_total", `reason="${reason}",transport="packet"`);
      assert.ok(count > 0, `no packets counted as ${reason}`);
    }
    assert.ok(sumOf(metrics, "podman_swarm_gossip_refused_total", 'transport="stream"') > 0);
    assert.ok(sumOf(metrics, "podman_swarm_cluster_refusals_total") > 0);
    const { items } = await first.json<{ items: { reason: string; message: string }[] }>(
      "GET",
      "/api/v1/namespaces/default/events",
    );
    assert.ok(
      items.some(({ message: told }) => told.includes(stranger.address)),
      "no Event names the stranger",
    );
  });
}
