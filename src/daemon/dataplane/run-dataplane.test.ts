import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { freePorts } from "../../../test/support/free-ports.ts";
import { systemClock } from "../../lib/clock.ts";
import { deadline } from "../../lib/deadline.ts";
import { silentLogger } from "../../lib/log.ts";
import { confinedCommand, DATAPLANE_USER } from "../supervisor/confined-command.ts";
import type { SupervisorOptions } from "../supervisor/supervisor-options.ts";
import { DataplaneClient } from "./client.ts";

const source = join(import.meta.dirname, "../..");
const isRoot = process.getuid?.() === 0;
const directory = mkdtempSync(join(tmpdir(), "podman-swarm-run-dataplane-"));
const stop = new AbortController();
const client = new DataplaneClient(
  { clock: systemClock, logger: silentLogger },
  { path: join(directory, "control.sock"), retryMs: 20 },
);
const backend = createServer((_, response) => response.end("from the pod"));
let ports: { ingress: number; dns: number; backend: number };
let supervisor: ReturnType<typeof spawn>;
let clientRun: Promise<void>;

before(async () => {
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const [ingress = 0, dns = 0] = await freePorts(2);
  ports = {
    ingress,
    dns,
    backend: (backend.address() as AddressInfo).port,
  };
  const command = { file: process.execPath, args: [join(source, "daemon/main.ts"), "run-dataplane", "warn", "json"] };
  const options: SupervisorOptions = {
    dataDir: directory,
    sockets: [
      { name: "ingress", kind: "tcp", host: "127.0.0.1", port: ports.ingress, to: "dataplane" },
      { name: "control", kind: "unix", path: join(directory, "control.sock"), to: "dataplane" },
    ],
    agent: {
      name: "agent",
      file: process.execPath,
      args: [join(source, "daemon/supervisor/test-support/echo-child.ts"), "serve"],
      env: process.env,
    },
    dataplane: {
      name: "dataplane",
      env: process.env,
      ...(isRoot ? { ...confinedCommand(command, { rootless: false }), dropTo: DATAPLANE_USER } : command),
    },
  };
  supervisor = spawn(
    process.execPath,
    [join(source, "daemon/supervisor/test-support/supervise.ts"), JSON.stringify(options)],
    { stdio: ["ignore", "inherit", "ignore"] },
  );
  clientRun = client.run(stop.signal);
  client.publish(
    {
      dns: {
        listen: [{ host: "127.0.0.1", port: ports.dns }],
        snapshot: {
          domain: "cluster.local",
          ttl: 5,
          services: { "shop/web": { type: "virtual", addresses: ["10.63.0.20"], ports: [] } },
          ranges: [],
          servers: [],
          upstreams: [],
        },
      },
      ingress: {
        rules: [{ host: "", type: "Prefix", path: "/", backend: "shop/web:80", redirect: false }],
        backends: { "shop/web:80": { endpoints: [{ address: "127.0.0.1", port: ports.backend, local: true }] } },
        certificates: [],
      },
    },
    new Set(),
  );
  await eventually(() => client.isCurrent);
});

after(async () => {
  stop.abort();
  await clientRun;
  supervisor.kill("SIGTERM");
  const [code] = (await once(supervisor, "exit")) as [number];
  backend.close();
  rmSync(directory, { recursive: true, force: true });
  assert.equal(code, 0);
});

function fetchIngress(): Promise<string> {
  return new Promise((resolve, reject) => {
    get(
      { host: "127.0.0.1", port: ports.ingress, agent: false },
      (response) => void text(response).then(resolve, reject),
    ).on("error", reject);
  });
}

/** Asks for web.shop.svc.cluster.local, type A; the address is the answer's end. Nothing says that a question is lost. */
async function askDns(): Promise<string> {
  const labels = ["web", "shop", "svc", "cluster", "local"].map((label) => [label.length, ...Buffer.from(label)]);
  const query = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels.flat(), 0, 0, 1, 0, 1]);
  const socket = dgram.createSocket("udp4");
  try {
    socket.send(query, ports.dns, "127.0.0.1");
    const { signal } = deadline(1000, new AbortController().signal);
    const [answer] = (await once(socket, "message", { signal })) as [Buffer];
    return [...answer.subarray(-4)].join(".");
  } finally {
    socket.close();
  }
}

test("the dataplane process serves DNS and ingress as it is told", async () => {
  assert.equal(await eventually(fetchIngress), "from the pod");
  assert.equal(await eventually(askDns), "10.63.0.20");
});

test("the dataplane process has no capabilities, and as root a user of its own", () => {
  const status = readFileSync(`/proc/${client.pid}/status`, "utf8");
  assert.match(status, /^CapEff:\s+0+$/m);
  assert.match(status, /^CapPrm:\s+0+$/m);
  if (isRoot) assert.match(status, new RegExp(`^Uid:\\s+${DATAPLANE_USER.uid}\\s+${DATAPLANE_USER.uid}\\s`, "m"));
});

test("after kill -9 the dataplane is back with its whole state, and no request was refused", async () => {
  const old = client.pid!;
  process.kill(old, "SIGKILL");
  await eventually(() => client.pid !== old);
  const answer = fetchIngress();
  await eventually(() => client.isCurrent);
  assert.equal(await answer, "from the pod");
  assert.equal(await eventually(askDns), "10.63.0.20");
});

test("a dataplane that is told to restart comes back as a new process", async () => {
  const old = client.pid;
  client.restart("test");
  await eventually(() => client.pid !== undefined && client.pid !== old && client.isCurrent);
});
