import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before } from "node:test";
import { eventually } from "../poll.ts";
import { Lab } from "./lab.ts";
import { canStartLabs, labTest } from "./lab-test.ts";
import type { LabHost } from "./lab-host.ts";

const IMAGE = "localhost/podman-swarm/busybox:1";

let lab: Lab;

before(async () => {
  if (!canStartLabs) return;
  lab = await Lab.start({ hosts: 3 });
});

after(async () => {
  await lab?.stop();
});

labTest("hosts have names, processes, networks and files of their own", async () => {
  const [one, two] = lab.hosts;
  assert.ok(one && two);
  assert.equal((await one.run(["hostname"])).trim(), "h1");
  await one.run(["sh", "-c", "echo of h1 >/run/mark; echo of h1 >/dev/shm/mark"]);
  await assert.rejects(two.run(["cat", "/run/mark", "/dev/shm/mark"]), /No such file/);
  assert.match(await one.run(["ip", "-br", "address"]), /eth0.*10\.99\.0\.1\//);
  assert.ok(Number((await one.run(["sh", "-c", "ls -d /proc/[0-9]* | wc -l"])).trim()) < 10);
  assert.ok(!existsSync("/run/mark"));
});

/** A server on a host that says whose it is, at port 7000. */
async function serve(host: LabHost): Promise<void> {
  const program = `require("net").createServer((socket) => socket.end("${host.name}")).listen(7000, () => console.log("up"))`;
  const server = host.spawn([host.path(process.execPath), "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout ?? server, "data");
}

/** Resolves when `from` has reached the server of `to`. */
async function reaches(from: LabHost, to: LabHost): Promise<void> {
  const program = `require("net").connect({ port: 7000, host: "${to.name}", timeout: 3000 })
    .on("timeout", () => process.exit(1)).on("error", () => process.exit(1)).pipe(process.stdout)`;
  assert.equal(await from.run([from.path(process.execPath), "-e", program]), to.name);
}

labTest("a cut host is not reached until it is healed", async () => {
  const [one, two] = lab.hosts;
  assert.ok(one && two);
  await serve(two);
  await reaches(one, two);
  two.cut();
  await assert.rejects(reaches(one, two));
  two.heal();
  await eventually(() => reaches(one, two).then(() => true), { what: "h2 from h1 again" });
});

labTest("two parted hosts do not reach each other, and both reach the third, until this is mended", async () => {
  const [one, two, three] = lab.hosts;
  assert.ok(one && two && three);
  await serve(one);
  await serve(three);
  lab.part([2, 1]);
  assert.deepEqual(lab.losses, [{ between: [1, 2], percent: 100 }]);
  await assert.rejects(reaches(one, two));
  await assert.rejects(reaches(two, one));
  await reaches(one, three);
  await reaches(two, three);
  lab.mend([[1, 2]]);
  await eventually(() => reaches(one, two).then(() => true), { what: "h2 from h1 again" });
  await reaches(two, one);
  assert.deepEqual(lab.losses, []);
});

/** How many of 2,000 packets arrive. Nobody listens, so the kernel counts each, without a buffer that could be full. */
async function arrivals(from: LabHost, to: LabHost): Promise<number> {
  const program = `const socket = require("dgram").createSocket("udp4"); let left = 2000;
    const send = () => (left-- > 0 ? socket.send("x", 9, "${to.address}", send) : socket.close()); send();`;
  const count = async (): Promise<number> => {
    const lines = (await to.run(["cat", "/proc/net/snmp"])).split("\n").filter((line) => line.startsWith("Udp:"));
    const [names = [], values = []] = lines.map((line) => line.split(" "));
    return Number(values[names.indexOf("NoPorts")]);
  };
  const before = await count();
  await from.run([from.path(process.execPath), "-e", program]);
  return (await count()) - before;
}

labTest("of what two hosts send each other the given share is lost, both ways, and nothing of the rest", async () => {
  const [one, two, three] = lab.hosts;
  assert.ok(one && two && three);
  lab.lose(30, [[1, 2]]);
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    // Seven times the deviation on either side, and what the addresses' resolution may hold back.
    const arrived = await arrivals(from, to);
    assert.ok(arrived > 1200 && arrived < 1550, `${arrived} of 2000 arrived`);
  }
  // A receiver that is kept waiting for the processor may lose some by itself.
  await eventually(async () => (await arrivals(one, three)) === 2000, { what: "all packets to another" });
  lab.lose(100);
  assert.equal(lab.losses.length, 3);
  lab.mend();
  await eventually(async () => (await arrivals(one, two)) === 2000, { what: "all packets" });
  assert.throws(() => lab.lose(101, [[1, 2]]), /Cannot lose 101 percent/);
  assert.throws(() => lab.part([1, 1]), /Cannot part host 1 from itself/);
  assert.throws(() => lab.part([1, 4]), /Cannot use host 4: the lab has 3/);
});

labTest("root and a user run containers of the shared images, each from a store of its own", async () => {
  const host = lab.host(1);
  const echo = ["podman", "run", "--name=kept", "--network=none", IMAGE, "echo", "a container"] as const;
  assert.equal(await host.run(echo), "a container\n");
  assert.equal(await host.runAsUser(echo), "a container\n");
  assert.equal((await host.runAsUser(["id", "-u"])).trim(), "2001");
  assert.equal((await lab.host(2).run(["podman", "ps", "-aq"])).trim(), "");
});

labTest("a crash ends every process, and what is on the disk is there after the boot", async () => {
  const host = lab.host(1);
  const running = host.spawn(["sh", "-c", "echo up; exec sleep 1000"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(running.stdout ?? running, "data");
  const pid = host.pidOf(running);
  await host.crash();
  assert.ok(!existsSync(`/proc/${pid}`));
  await host.boot();
  assert.match(await host.run(["podman", "ps", "-a", "--format={{.Names}}"]), /kept/);
  await assert.rejects(host.run(["cat", "/run/mark"]), /No such file/);
});

labTest("a failing program tells what it said", async () => {
  await assert.rejects(lab.host(2).run(["sh", "-c", "echo the reason >&2; exit 3"]), /exit code 3: the reason/);
});

labTest("a lab whose test is killed leaves no process, and its files go when the next one starts", async () => {
  const script = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, "lab.ts"))};
    const lab = await Lab.start(); console.log([lab.folder, lab.host(1).pid].join()); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(owner.stdout.setEncoding("utf8"), "data")) as [string];
  const [folder = "", pid] = said.trim().split(",");
  assert.ok(existsSync(folder));
  const ended = once(owner, "exit");
  owner.kill("SIGKILL");
  // The kernel closes the pipe with which the host ends before the owner itself counts as ended.
  await ended;
  await eventually(() => !existsSync(`/proc/${pid}`), { what: "the end of the host" });
  const next = await Lab.start();
  await next.stop();
  // Another lab that starts just now may be the one that removes it.
  await eventually(() => !existsSync(folder), { what: "the end of its files" });
});

labTest("a stopped lab leaves no control groups of its pods", async () => {
  const short = await Lab.start();
  const host = short.host(1);
  await host.run(["podman", "pod", "create", "--name=left", "--network=none"]);
  await host.run(["podman", "run", "--detach", "--pod=left", IMAGE, "sleep", "1000"]);
  const pod = (await host.run(["podman", "pod", "ls", "--no-trunc", "--quiet"])).trim();
  const groups = (): string[] =>
    readdirSync("/sys/fs/cgroup")
      .map((name) => join("/sys/fs/cgroup", name, "libpod_parent", pod))
      .concat(join("/sys/fs/cgroup/libpod_parent", pod))
      .filter((path) => existsSync(path));
  assert.notDeepEqual(groups(), []);
  await short.stop();
  assert.deepEqual(groups(), []);
});
