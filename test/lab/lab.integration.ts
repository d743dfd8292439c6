import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { eventually } from "../poll.ts";
import { Lab } from "./lab.ts";
import { canStartLabs, labTest } from "./lab-test.ts";
import { LAB_PREFIX } from "./leftovers.ts";

const IMAGE = "localhost/podman-swarm/busybox:1";

let lab: Lab;

before(async () => {
  if (!canStartLabs) return;
  lab = await Lab.start({ hosts: 2 });
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

labTest("a cut host is not reached until it is healed", async () => {
  const [one, two] = lab.hosts;
  assert.ok(one && two);
  const node = one.path(process.execPath);
  const serve = `require("net").createServer((socket) => socket.end("from h2")).listen(7000, () => console.log("up"))`;
  const server = two.spawn([node, "-e", serve], { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout ?? server, "data");
  const ask = `require("net").connect({ port: 7000, host: "h2", timeout: 300 })
    .on("timeout", () => process.exit(1)).on("error", () => process.exit(1)).pipe(process.stdout)`;
  const knock = (): Promise<string> => one.run([node, "-e", ask]);
  assert.equal(await knock(), "from h2");
  two.cut();
  await assert.rejects(knock());
  two.heal();
  await eventually(knock, { what: "h2 from h1 again" });
  process.kill(two.pidOf(server), "SIGKILL");
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
    const lab = await Lab.start(); console.log(lab.host(1).pid); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(owner.stdout.setEncoding("utf8"), "data")) as [string];
  const folders = labFolders();
  owner.kill("SIGKILL");
  await eventually(() => !existsSync(`/proc/${said.trim()}`), { what: "the end of the host" });
  const next = await Lab.start();
  const left = labFolders();
  await next.stop();
  assert.equal(left.length, folders.length, "the new one came, the old one went");
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

function labFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(LAB_PREFIX));
}
