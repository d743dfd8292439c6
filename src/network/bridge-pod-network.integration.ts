import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { AddressBook } from "./address-book.ts";
import { AddressFile } from "./address-file.ts";
import { BridgePodNetwork } from "./bridge-pod-network.ts";
import { parseRange } from "./ipv4-range.ts";
import { LibpodNetworks } from "./libpod-networks.ts";
import { PodBridge } from "./pod-bridge.ts";
import { FakePodman } from "./test-support/fake-podman.ts";
import { LabNetwork } from "./test-support/lab-network.ts";

const GATEWAY = "10.62.0.1";
const wanted = { name: "net62", bridge: "podswarm0", subnet: "10.62.0.0/24", gateway: GATEWAY };

let lab: LabNetwork;
let directory: string;
let podman: FakePodman;
let stop: AbortController;
let network: BridgePodNetwork;
let running: Promise<void>;
let lost: number;
let restored: number[];

before(async () => {
  lab = await LabNetwork.create(GATEWAY);
});
after(() => lab.close());

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "podman-swarm-network-"));
  podman = new FakePodman();
  stop = new AbortController();
  lost = 0;
  restored = [];
  const deps = { clock: systemClock, logger: silentLogger };
  network = new BridgePodNetwork(
    {
      ...deps,
      podman: new LibpodNetworks(join(directory, "podman.sock"), { program: join(directory, "podman") }),
      bridge: new PodBridge(lab.kernel, wanted.bridge),
      addresses: await AddressBook.open(
        { ...deps, file: new AddressFile(join(directory, "addresses.json")) },
        { range: parseRange(wanted.subnet), reserved: [GATEWAY, "10.62.0.2"] },
      ),
    },
    {
      network: wanted,
      anchor: { name: "net62-anchor", ip: "10.62.0.2" },
      serviceCidr: "10.63.0.0/16",
      dns: { servers: ["10.63.0.10"], clusterDomain: "cluster.local", hostSearches: ["example.com"] },
      onLostNamespace: () => (lost += 1),
      onRestored: (containers) => restored.push(containers),
      checkMs: 100,
      retryMs: 20,
    },
  );
});

afterEach(async () => {
  stop.abort();
  await running;
  await podman.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<void> {
  await podman.listen(join(directory, "podman.sock"));
  running = network.run(stop.signal);
}

const pod = { uid: "u1", namespace: "shop", name: "web" };

test("pods get an address and the cluster's names once the network is up", async () => {
  running = Promise.resolve();
  await assert.rejects(network.attach(pod), /Cannot attach the pod: the pod network is not up: it is still starting/);
  await start();
  await network.up;
  assert.deepEqual(await network.attach(pod), {
    network: "net62",
    ip: "10.62.0.3",
    dnsServers: ["10.63.0.10"],
    dnsSearches: ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com"],
    dnsOptions: ["ndots:5"],
  });
  assert.deepEqual(podman.networks.get("net62")?.["subnets"], [{ subnet: "10.62.0.0/24", gateway: GATEWAY }]);
  await network.releaseAllBut(new Set());
  assert.equal((await network.attach(pod)).ip, "10.62.0.4");
});

test("an interface that a pod brings is kept apart before its containers start", async () => {
  await start();
  await network.up;
  const { ip } = await network.attach(pod);
  const others = ["10.62.0.20", "10.62.0.21", "10.62.0.22"];
  await Promise.all([ip, ...others].map((address) => lab.addPod(address, GATEWAY).then(() => network.started("u1"))));
  const ports = JSON.parse(await lab.sh("ip -j -d link show master podswarm0")) as {
    linkinfo: { info_slave_data: { isolated: boolean } };
  }[];
  assert.deepEqual(
    ports.map(({ linkinfo }) => linkinfo.info_slave_data.isolated),
    [true, true, true, true],
  );
});

test("neighbours go on reaching each other while other interfaces come and go", async () => {
  await start();
  await network.up;
  await network.attach(pod);
  const addresses = ["10.62.0.30", "10.62.0.31", "10.62.0.32"];
  const pods = await Promise.all(addresses.map((address) => lab.addPod(address, GATEWAY)));
  await network.started(pod.uid);
  await Promise.all(pods.map((pid) => lab.serve(pid, "pod", 8080)));
  const ask = async (): Promise<void> => {
    for (const from of pods)
      for (const to of addresses) assert.match(await lab.ask(from, `${to}:8080`), /^pod /, `to ${to}`);
  };
  await ask();
  // By itself, a bridge has the lowest address of its interfaces: here that of one which comes last and leaves first.
  await lab.sh("ip link add visitor type veth peer name visitor-peer");
  await lab.sh("ip link set visitor address 02:00:00:00:00:01 master podswarm0 up");
  await ask();
  await lab.sh("ip link del visitor");
  await ask();
});

test("pods whose interfaces are made anew go on reaching each other when these are kept apart", async () => {
  await start();
  await network.up;
  await network.attach(pod);
  const addresses = ["10.62.0.40", "10.62.0.41"];
  const [one = 0, other = 0] = await Promise.all(addresses.map((address) => lab.addPod(address, GATEWAY)));
  await Promise.all([one, other].map((pid) => lab.serve(pid, "pod", 8080)));
  await network.started(pod.uid);
  const ask = async (): Promise<void> => {
    assert.match(await lab.ask(one, "10.62.0.41:8080"), /^pod /);
    assert.match(await lab.ask(other, "10.62.0.40:8080"), /^pod /);
  };
  await ask();
  stop.abort();
  await running;
  // As `podman network reload` does it, of which nobody tells us: the new interface is announced to all others.
  await lab.sh("ip link set dev veth41 type bridge_slave isolated off");
  await lab.inPod(
    other,
    "echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_notify && ip link set eth0 down && ip link set eth0 up && " +
      `ip route add default via ${GATEWAY}`,
  );
  await ask();
  await network.started(pod.uid);
  await ask();
});

test("a pod that is made anew, or that gets another's address, is reached at once", async () => {
  await start();
  await network.up;
  // Without any interface, the bridge would forget its neighbours by itself.
  await lab.addPod("10.62.0.50", GATEWAY);
  await network.attach({ ...pod, uid: "u0" }); // the first address is another test's
  const { ip } = await network.attach(pod);
  const serves = async (): Promise<number> => {
    const pid = await lab.addPod(ip, GATEWAY);
    await lab.serve(pid, "pod", 8080);
    return pid;
  };
  const first = await serves();
  await network.started(pod.uid);
  assert.match(await lab.ask("host", `${ip}:8080`), /^pod /);
  await lab.removePod(first, ip);

  await network.attach(pod);
  const second = await serves();
  await network.started(pod.uid);
  assert.match(await lab.ask("host", `${ip}:8080`), /^pod /, "made anew");
  await lab.removePod(second, ip);

  await network.release(pod.uid);
  await serves();
  assert.match(await lab.ask("host", `${ip}:8080`), /^pod /, "another's address");
});

test("an anchor that was stopped or removed is started again", async () => {
  await start();
  await network.up;
  podman.pods.set("net62-anchor", { State: "Exited" });
  await eventually(() => podman.pods.get("net62-anchor")?.State === "Running");
  podman.pods.delete("net62-anchor");
  await eventually(() => podman.pods.get("net62-anchor")?.State === "Running");
});

test("Podman's network with another range is refused and left as it is", async () => {
  const other = {
    driver: "bridge",
    network_interface: "podswarm0",
    subnets: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.1" }],
  };
  podman.networks.set("net62", other);
  await start();
  await eventually(() => network.problem?.startsWith("Cannot use") === true);
  assert.match(network.problem ?? "", /exists with the range 10\.9\.0\.0\/24 .*podman network rm -f net62$/);
  await assert.rejects(network.attach(pod), /10\.9\.0\.0\/24/);
  assert.deepEqual(
    podman.calls.filter((call) => !call.startsWith("GET")),
    [],
  );
});

test("a range that something else on the host has is told with the flag that helps", async () => {
  podman.usedSubnets.add(wanted.subnet);
  await start();
  await eventually(() => network.problem?.includes("10.62.0.0/24") === true);
  assert.match(network.problem ?? "", /^Cannot make Podman's network net62 .* is already used .*--pod-cidr$/);
});

test("while Podman does not answer, pods are told so, and afterwards all is well again", async () => {
  await start();
  await network.up;
  await podman.close();
  await eventually(() => network.problem !== undefined);
  await assert.rejects(network.attach(pod), /Cannot reach Podman at .*podman\.sock/);
  await podman.listen(join(directory, "podman.sock"));
  await eventually(() => network.problem === undefined);
});

/** In the place of Podman's program: it leaves its words, and fails. */
function fakeProgram(): string {
  const words = join(directory, "words");
  writeFileSync(join(directory, "podman"), `#!/bin/sh\necho "$*" >>${words}\necho "it is broken" >&2\nexit 1\n`);
  chmodSync(join(directory, "podman"), 0o755);
  return words;
}

test("a bridge that cannot be seen is told: the namespace is doubted first, then Podman puts it back", async () => {
  const words = fakeProgram();
  podman.containers.push("c1", "c2");
  await start();
  await network.up;
  await lab.sh("ip link set podswarm0 down && ip link set podswarm0 name hidden0");
  try {
    await eventually(() => lost > 0 && network.problem !== undefined);
    await eventually(() => /, and could not put it back: "podman network reload/.test(network.problem ?? ""));
    // Asked once, not at each look.
    assert.deepEqual([lost, readFileSync(words, "utf8")], [1, "network reload c1 c2\n"]);
  } finally {
    await lab.sh(`ip link set hidden0 name podswarm0 && ip link set podswarm0 up`);
  }
  await eventually(() => network.problem === undefined);
});

test("a bridge that somebody removed is put back, set up and told", async () => {
  // What Podman does by the same words.
  const program = `#!/bin/sh\nexec nsenter --preserve-credentials -U -n -t ${lab.hostPid} -- sh -c 'ip link set hidden0 name podswarm0; ip link set podswarm0 up'\n`;
  writeFileSync(join(directory, "podman"), program, { mode: 0o755 });
  podman.containers.push("c1", "c2");
  await start();
  await network.up;
  await lab.sh("ip link set podswarm0 down && ip link set podswarm0 name hidden0");
  await eventually(() => restored.length > 0);
  await eventually(() => network.problem === undefined);
  assert.deepEqual(restored, [2]);
  assert.match(await lab.sh("ip route show 10.63.0.0/16"), /dev podswarm0/);
});
