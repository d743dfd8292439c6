import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import { Lab } from "../lab/lab.ts";
import { canStartLabs, labTest } from "../lab/lab-test.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { WebApp } from "../support/web-app.ts";

const SOURCE = join(import.meta.dirname, "../../src");

let lab: Lab;
let host: LabHost;

before(async () => {
  if (!canStartLabs) return;
  lab = await Lab.start();
  host = lab.host(1);
});

after(async () => {
  await lab?.stop();
});

/** Runs a program of ours as the user and resolves with what it said, which must be a failure. */
async function failure(program: string, ...flags: string[]): Promise<string> {
  const run = host.runAsUser([
    "timeout",
    "60",
    host.path(process.execPath),
    host.path(join(SOURCE, program)),
    ...flags,
  ]);
  return await run.then(
    (text) => assert.fail(`it went well: ${text}`),
    (error: Error) => error.message,
  );
}

const OTHER_PORTS = ["--ingress-port=8080", "--ingress-tls-port=8443"];

labTest("a port that only root may bind is refused with both ways out", async () => {
  const said = await failure("daemon/main.ts");
  assert.match(said, /Cannot bind the ingress socket 0\.0\.0\.0:80\/tcp: ports below 1024 are reserved for root/);
  assert.match(said, /sudo sysctl net\.ipv4\.ip_unprivileged_port_start=80/);
  assert.match(said, /another port with --ingress-port/);
});

labTest("an upstream resolver that a user's pods cannot reach is refused with the way out", async () => {
  const said = await failure("daemon/main.ts", ...OTHER_PORTS, "--upstream-dns=127.0.0.1:5353");
  assert.match(said, /--upstream-dns "127\.0\.0\.1:5353".*do not reach this host's loopback.*leave it out/);
});

labTest("psctl doctor tells a user what root must do", async () => {
  await host.run(["sh", "-c", "chmod 600 /dev/net/tun"]);
  const said = await failure("cli/main.ts", "doctor");
  assert.match(
    said,
    /FAIL +user network +\/dev\/net\/tun is closed to users\n +fix: as root: chmod 0666 \/dev\/net\/tun/,
  );
  assert.match(said, /FAIL +ports +port 80 is below 1024, .*\n +fix: as root: sysctl .*ip_unprivileged_port_start=80/);
  // A power cut is a clean start for all that.
  await host.crash();
  await host.boot();
  const [doctor, ...flags] = ["doctor", ...OTHER_PORTS, "--http-port=8081"] as const;
  const cli = host.path(join(SOURCE, "cli/main.ts"));
  assert.match(await host.runAsUser([host.path(process.execPath), cli, doctor, ...flags]), /This host is ready/);
});

labTest("a user without ids for containers is refused with the reason", async () => {
  // Podman keeps a user's ids until the last of its processes ends.
  await host.crash();
  await host.boot();
  await host.run(["sh", "-c", ": >/run/lab/none; mount --bind /run/lab/none /etc/subuid"]);
  const said = await failure("daemon/main.ts", ...OTHER_PORTS, "--node-name=node1");
  assert.match(said, /Cannot run the dataplane without root's rights: .*\/etc\/subuid/);
  const doctor = await failure("cli/main.ts", "doctor");
  assert.match(doctor, /pods has no range in \/etc\/subuid\n +fix: as root: usermod --add-subuids \d+-\d+/);
  await host.crash();
  await host.boot();
});

labTest("after a power cut, a user's node brings back what was deployed", async () => {
  const agent = await AgentProcess.start({ place: { host, user: "unprivileged" } });
  const client = agent.client();
  try {
    const app = await WebApp.deploy(agent, client);
    await host.crash();
    await host.boot();
    await agent.startAgain();
    await app.ready(2);
    assert.match(await app.fetch(), /Hello from/);
  } finally {
    client.close();
    await agent.stop();
  }
});
