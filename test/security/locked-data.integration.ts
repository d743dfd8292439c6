import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/root.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { filesWith } from "../support/files-with.ts";

const PASSPHRASE = "open sesame, please";

let lab: Lab;
let passphraseFile: string;
const agents: AgentProcess[] = [];

before(async () => {
  lab = await Lab.start({ hosts: 1 });
  passphraseFile = join(lab.host(1).folder, "passphrase");
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
});

after(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await lab?.stop();
});

const dataDir = (): string => join(lab.host(1).folder, "locked");

async function start(flags: readonly string[]): Promise<AgentProcess> {
  const place = { host: lab.host(1), user: "root" } as const;
  const agent = await AgentProcess.start({ place, dataDir: dataDir(), flags: ["--node-name=n1", ...flags] });
  agents.push(agent);
  return agent;
}

/** Files below the data directory in which a private key or a gossip key can be read. */
function readable(): string[] {
  const words = ["PRIVATE KEY", '"keys":', Buffer.from("-----BEGIN PRIVATE").toString("base64")];
  return filesWith(dataDir(), words);
}

test("with a passphrase a stolen data directory holds no key but the kubeconfig's, and the node works on", async () => {
  const open = await start([]);
  await open.end();
  assert.ok(readable().includes("pki/ca.key") && readable().includes("pki/gossip.json"));
  const agent = await start([`--unlock-passphrase-file=${passphraseFile}`]);
  const client = agent.client();
  assert.deepEqual(readable(), ["kubeconfig"]);
  for (const kind of ["gossip", "data"]) await client.json("POST", `/api/v1/keys/${kind}/rotate`);
  client.close();
  assert.deepEqual(readable(), ["kubeconfig"]);
  await agent.end();
  await agent.startAgain();
  await agent.end();
  assert.deepEqual(readable(), ["kubeconfig"]);
  await assert.rejects(start([]), /data\.key is locked: give its passphrase with --unlock-passphrase-file/);
});

test("at a terminal the agent asks for the passphrase, shows none of it, and starts its process again without", async () => {
  const host = lab.host(1);
  const main = host.path(join(root, "src/daemon/main.ts"));
  const flags = `--data-dir=${dataDir()} --node-name=n1 --ingress-port=8000 --ingress-tls-port=8443`;
  const inner = `${host.path(process.execPath)} ${main} ${flags}`;
  const terminal = host.spawn(["script", "-qec", inner, "/dev/null"]);
  let shown = "";
  terminal.stdout?.setEncoding("utf8").on("data", (text: string) => (shown += text));
  try {
    await eventually(() => shown.includes(`Passphrase of the data in ${dataDir()}: `), { what: "the question" });
    terminal.stdin?.write(`${PASSPHRASE}X\u007f\r`);
    const ready = async (): Promise<boolean> => {
      const { server } = readKubeconfig(join(dataDir(), "kubeconfig")).connection;
      return (await host.run(["curl", "-sk", `${server}/readyz`])) === "ok";
    };
    await eventually(ready, { what: "a ready agent", timeoutMs: 30_000 });
    const agentPid = (await host.run(["pgrep", "-f", "run-agent --data-dir"])).trim();
    await host.run(["kill", "-9", agentPid]);
    await eventually(ready, { what: "the agent to be back", timeoutMs: 30_000 });
    assert.notEqual((await host.run(["pgrep", "-f", "run-agent --data-dir"])).trim(), agentPid);
    assert.ok(!shown.includes(PASSPHRASE), shown);
  } finally {
    const ended = new Promise((resolve) => terminal.once("close", resolve));
    terminal.stdin?.write("\u0003");
    await ended;
  }
});

test("the passphrase is given up for good, and all keys are as they were without one", async () => {
  const agent = await start([`--unlock-passphrase-file=${passphraseFile}`, "--unlock-for-good"]);
  await agent.end();
  assert.ok(readable().includes("pki/gossip.json"));
  await (await start([])).end();
});
