import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { root } from "../../scripts/root.ts";
import { ApiClient } from "../../src/client/api-client.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { ClusterAuthority } from "../../src/security/certificates/cluster-authority.ts";
import { Lab } from "../lab/lab.ts";
import { eventually } from "../poll.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { psctlText } from "../support/psctl-text.ts";

let lab: Lab;
let authority: ClusterAuthority;
let agent: AgentProcess | undefined;

const file = (name: string): string => join(lab.host(1).folder, name);

function issue(altNames: readonly string[]): string {
  const { certificate, key } = authority.issue({ usage: "server", commonName: "own", altNames, days: 30 });
  writeFileSync(file("own.key"), key);
  writeFileSync(file("own.crt"), certificate);
  return certificate;
}

before(async () => {
  lab = await Lab.start({ hosts: 1 });
  authority = await ClusterAuthority.open({ directory: file("own-ca"), clock: systemClock });
  writeFileSync(file("own-ca.crt"), authority.certificate);
});

after(async () => {
  await agent?.stop();
  await lab?.stop();
});

const start = (flags: readonly string[]): Promise<AgentProcess> => {
  const place = { host: lab.host(1), user: "root" } as const;
  return AgentProcess.start({ place, dataDir: file("node"), flags: ["--node-name=n1", ...flags] });
};

const FLAGS = (): readonly string[] => [`--tls-cert=${file("own.crt")}`, `--tls-key=${file("own.key")}`];

/** The certificate that the API shows to who asks for a name, or for none. */
function shown(port: number, servername?: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ...(servername ? { servername } : {}),
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.destroy();
    });
  });
}

/** The agent is ready a little before its node has said so. */
async function readyByPsctl(kubeconfig: string): Promise<void> {
  const ready = async (): Promise<boolean> => /n1 +Ready/.test(await psctlText(kubeconfig, "get", "nodes"));
  await eventually(ready, { what: "a node that psctl shows as ready" });
}

test("a bad certificate refuses the start by its flag, before anything is served", async () => {
  issue(["api.example.com"]);
  await assert.rejects(start([`--tls-cert=${file("own.crt")}`]), /Cannot use --tls-cert without --tls-key/);
  await assert.rejects(start(["--tls-skip-verify"]), /Cannot use --tls-skip-verify without --tls-cert/);
  await assert.rejects(
    start([`--tls-cert=${file("own.crt")}`, `--tls-key=${file("none.key")}`]),
    /Cannot read --tls-key .*none\.key: it does not exist/,
  );
});

test("the API shows one's own certificate; kubeconfig, psctl and in-cluster names go on working", async () => {
  issue(["*.example.com"]);
  agent = await start([...FLAGS(), `--tls-ca=${file("own-ca.crt")}`]);
  const told = /does not have this node's address.*asks for n1\.example\.com/;
  await eventually(() => told.test(agent?.output ?? ""), { what: "a line about the address" });
  const own = new X509Certificate(authority.certificate);
  const issuer = async (name?: string): Promise<boolean> =>
    (await shown(agent?.apiPort ?? 0, name)).verify(own.publicKey);
  assert.deepEqual(
    [await issuer("x.example.com"), await issuer("kubernetes.default.svc"), await issuer()],
    [true, false, false],
  );
  const { connection } = readKubeconfig(agent.kubeconfig);
  assert.deepEqual([connection.ca, connection.serverName], [authority.certificate, "n1.example.com"]);
  await readyByPsctl(agent.kubeconfig);
  const copy = file("copied-kubeconfig");
  writeFileSync(copy, await psctlText(agent.kubeconfig, "kubeconfig"));
  assert.match(await psctlText(copy, "members"), /n1 .* alive/);
  assert.match(await psctlText(agent.kubeconfig, "token", "create", "--quiet"), /^PSWM-1-/);
});

test("a replaced certificate is shown without a restart, and one with the address needs no name", async () => {
  assert.ok(agent);
  const running = agent;
  const next = new X509Certificate(issue(["127.0.0.1"])).fingerprint256;
  const renewed = async (): Promise<boolean> => (await shown(running.apiPort)).fingerprint256 === next;
  await eventually(renewed, { what: "the new certificate", timeoutMs: 30_000 });
  const named = (): boolean => readKubeconfig(running.kubeconfig).connection.serverName === undefined;
  await eventually(named, { what: "the new kubeconfig" });
  const client = new ApiClient(readKubeconfig(running.kubeconfig).connection);
  assert.equal(await client.text("GET", "/readyz"), "ok");
  client.close();
});

test("without --tls-ca the kubeconfig leaves it to the CAs of the client's system", async () => {
  await agent?.stop();
  agent = await start(FLAGS());
  assert.equal(readKubeconfig(agent.kubeconfig).connection.ca, undefined);
  const main = join(root, "src/cli/main.ts");
  const ask = (ca: string): Promise<string> =>
    lab
      .host(1)
      .run(
        [process.execPath, main, "members", "--kubeconfig", agent?.kubeconfig ?? ""].map((word) =>
          lab.host(1).path(word),
        ) as [string, ...string[]],
        { env: { SSL_CERT_FILE: ca } },
      );
  assert.match(await ask(file("own-ca.crt")), /n1 .* alive/);
  await assert.rejects(
    ask(join(agent.dataDir, "pki/ca.crt")),
    /its certificate is not from the cluster's CA|certificate/,
  );
});

test("without the flags the API is the cluster's own again, and so is the kubeconfig", async () => {
  await agent?.stop();
  agent = await start([]);
  await readyByPsctl(agent.kubeconfig);
  assert.notEqual(readKubeconfig(agent.kubeconfig).connection.ca, authority.certificate);
});
