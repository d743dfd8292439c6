import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { MemberList } from "../../src/cli/commands/members.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Lab } from "../lab/lab.ts";
import { canStartLabs, labTest } from "../lab/lab-test.ts";
import { eventually } from "../poll.ts";
import type { AgentPlace } from "../support/agent-process.ts";
import { allAlive, buildPrograms, LabCluster, type LabNode } from "../support/lab-cluster.ts";
import { Times } from "./times.ts";

interface Shape {
  readonly hosts: number;
  readonly user: AgentPlace["user"];
}

/** Long enough for a node to be declared dead that nobody reaches. */
const LONGER_THAN_A_DEATH_MS = 10_000;

/** Resolves when a node's host has a connection to another's cluster port. */
async function reaches(from: LabNode, to: LabNode): Promise<void> {
  const program = `require("net").connect({ port: 7946, host: "${to.host.address}", timeout: 500 })
    .on("timeout", () => process.exit(1)).on("error", () => process.exit(1)).on("connect", () => process.exit(0))`;
  await from.host.run([from.host.path(process.execPath), "-e", program]);
}

/** What a cluster of this shape goes through on real hosts. The tests build on one another. */
export function clusterSuite({ hosts, user }: Shape): void {
  const who = user === "root" ? "as root" : "without root";
  const times = new Times(`\n${hosts} hosts, ${who}:`);
  let lab: Lab;
  let cluster: LabCluster;

  before(async () => {
    if (!canStartLabs) return;
    await buildPrograms();
    lab = await Lab.start({ hosts });
    cluster = new LabCluster(lab, { user });
  });

  after(async () => {
    await cluster?.stop();
    await lab?.stop();
    if (canStartLabs) console.log(times.toString());
  });

  const everyone = (state: Record<string, string> = {}): Record<string, string> => ({
    ...allAlive(cluster.nodes),
    ...state,
  });
  const but = (...away: LabNode[]): LabNode[] => cluster.nodes.filter((node) => !away.includes(node));
  const last = (): LabNode => cluster.node(hosts);

  labTest(`${hosts} nodes ${who} form a cluster by one token, and all lists agree`, async () => {
    await cluster.form((node, ms) => {
      const what = node === cluster.node(1) ? "starts a cluster" : "joins by a token";
      times.add(`${node.name} ${what}, from the start of its agent until all list it`, ms);
    });
    for (const node of cluster.nodes) {
      const told = await node.psctl("members");
      assert.equal(told.match(/ (alive|suspect)$/gm)?.length, hosts, told);
    }
  });

  labTest(`a host that loses its power is dead for all, and back after its boot without a token`, async () => {
    const away = last();
    await away.crash();
    await times.measure(`${away.name} crashes, until all others list it as dead`, () =>
      cluster.agree(everyone({ [away.name]: "dead" }), but(away)),
    );
    await times.measure(`${away.name} boots, until all list it as alive`, async () => {
      await away.boot();
      await cluster.agree(everyone());
    });
  });

  labTest(`a host whose cable is pulled is dead for all and takes all for dead, until it is plugged in`, async () => {
    const away = cluster.node(2);
    away.host.cut();
    const others = but(away);
    const dead = Object.fromEntries(others.map(({ name }) => [name, "dead"]));
    await Promise.all([
      times.measure(`${away.name} is cut off, until all others list it as dead`, () =>
        cluster.agree(everyone({ [away.name]: "dead" }), others),
      ),
      times.measure(`${away.name} is cut off, until it lists all others as dead`, () =>
        cluster.agree(everyone(dead), [away]),
      ),
    ]);
    away.host.heal();
    await times.measure(`${away.name} is plugged in, until all list all as alive`, () => cluster.agree(everyone()));
  });

  labTest(`a host that boots before its switch does is the same node, once it is plugged in`, async () => {
    const away = cluster.node(2);
    away.host.cut();
    await away.crash();
    await cluster.agree(everyone({ [away.name]: "dead" }), but(away));
    await away.boot();
    away.host.heal();
    await times.measure(`${away.name} has booted without its cable and is plugged in, until all list it as alive`, () =>
      cluster.agree(everyone()),
    );
    const { members } = await cluster.node(1).request<MemberList>("GET", "/api/v1/members");
    assert.equal(members.find(({ name }) => name === away.name)?.host, away.host.address);
  });

  if (hosts >= 5) {
    labTest(`two parts that do not reach each other take each other for dead, and are one again after it`, async () => {
      const here = cluster.nodes.slice(0, 2);
      const there = cluster.nodes.slice(2);
      const dead = (nodes: LabNode[]): Record<string, string> =>
        Object.fromEntries(nodes.map(({ name }) => [name, "dead"]));
      lab.lose(
        100,
        [1, 2].flatMap((one) => there.map((_, at) => [one, at + 3] as const)),
      );
      await times.measure("two nodes are parted from all others, until each part lists the other as dead", async () => {
        await Promise.all([cluster.agree(everyone(dead(there)), here), cluster.agree(everyone(dead(here)), there)]);
      });
      lab.mend();
      await times.measure("the parts reach each other, until all list all as alive", () => cluster.agree(everyone()));
    });
  }

  labTest(`two hosts that do not reach each other stay alive for all, because the others do`, async () => {
    lab.part([1, 2]);
    const [one, two] = [cluster.node(1), cluster.node(2)];
    await assert.rejects(reaches(one, two), "they are parted");
    const began = systemClock.monotonic();
    const seen = new Set<string>();
    const look = async (): Promise<boolean> => {
      const lists = await Promise.all(cluster.nodes.map((node) => node.members()));
      for (const list of lists) for (const [name, state] of Object.entries(list)) seen.add(`${name} ${state}`);
      return systemClock.monotonic() - began > LONGER_THAN_A_DEATH_MS;
    };
    await eventually(look, { timeoutMs: 60_000, everyMs: 100 });
    assert.deepEqual([...seen].filter((one) => /dead|left/.test(one)).toSorted(), []);
    lab.mend();
    await eventually(() => reaches(one, two).then(() => true), { what: "n2 from n1 again" });
    await cluster.agree(everyone());
  });

  labTest(`where a tenth of all packets is lost nobody dies, and keys are replaced`, async () => {
    lab.lose(10);
    await times.measure("the gossip key is replaced while 10 % of packets are lost", async () => {
      // A connection may lose its first packets so often that it is given up: then it can be done again.
      const replaced = async (): Promise<boolean> =>
        (await cluster.node(2).psctl("keys", "rotate")).includes(`The gossip key is replaced on all ${hosts} nodes.`);
      await eventually(replaced, { timeoutMs: 90_000, what: "a new key on all nodes" });
    });
    assert.deepEqual(
      Object.values(await cluster.node(1).members()).filter((state) => state === "dead"),
      [],
    );
    lab.mend();
    await times.measure("the gossip key is replaced", async () => void (await last().psctl("keys", "rotate")));
    await cluster.agree(everyone());
  });

  labTest(`a cluster whose hosts all lose their power is one again after their boot`, async () => {
    await Promise.all(cluster.nodes.map((node) => node.crash()));
    await times.measure("all hosts have crashed and boot, until all list all as alive", async () => {
      await Promise.all(cluster.nodes.map((node) => node.boot()));
      await cluster.agree(everyone());
    });
  });

  labTest(`the node that began the cluster leaves it, and joins again by a token of another`, async () => {
    const first = cluster.node(1);
    await times.measure(`${first.name} leaves, until all others list it as left`, async () => {
      assert.match(await first.psctl("leave"), /The node n1 has left the cluster/);
      await cluster.agree(everyone({ [first.name]: "left" }), but(first));
    });
    await first.agent.ended();
    const order = await cluster.node(2).joinOrder();
    await times.measure(`${first.name} joins again, until all list it as alive`, async () => {
      await first.start(order);
      await cluster.agree(everyone());
    });
  });

  labTest(`a node that was removed while its agent was stopped joins again on its data by a new token`, async () => {
    const removed = last();
    await removed.agent.end();
    assert.match(await cluster.node(1).psctl("members", "remove", removed.name), /its certificates are refused/);
    await removed.start(await cluster.node(2).joinOrder());
    await cluster.agree(everyone());
  });

  labTest(`a node that is removed is refused at once, hears of it, and joins again by a new token`, async () => {
    const [first, removed] = [cluster.node(1), last()];
    await times.measure(`${removed.name} is removed, until a member refuses it`, async () => {
      assert.match(await first.psctl("members", "remove", removed.name), /its certificates are refused/);
      await assert.rejects(removed.psctl("keys", "rotate"), /was removed from the cluster/);
    });
    await cluster.agree(everyone({ [removed.name]: "left" }), but(removed));
    const counted = async (): Promise<boolean> => {
      const metrics = await Promise.all(but(removed).map((node) => node.text("/metrics")));
      return metrics.some((text) => /podman_swarm_cluster_refusals_total\{reason="NodeDenied"\} [1-9]/.test(text));
    };
    await eventually(counted, { what: "a refusal that is counted" });
    const heard = { what: `${removed.name} hears that it was removed`, timeoutMs: 60_000 };
    await eventually(
      async () => (await removed.request<{ removed: boolean }>("GET", "/api/v1/members")).removed,
      heard,
    );
    await removed.agent.end();
    const order = await cluster.node(2).joinOrder();
    await times.measure(`${removed.name} joins again, until all list it as alive`, async () => {
      await removed.start(order);
      await cluster.agree(everyone());
    });
  });
}
