import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/root.ts";
import { ProgramError } from "../../src/lib/host/run-program.ts";

import { Lab } from "../lab/lab.ts";
import type { RunOptions } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { filesWith } from "../support/files-with.ts";

const PORTS = ["--ingress-port=8000", "--ingress-tls-port=8443"];
/** As psctl prints it, on a line of its own. */
const TOKEN = /^ {2}(PSWM-1-\S+)$/m;

let lab: Lab;

before(async () => {
  lab = await Lab.start({ hosts: 2 });
});

after(async () => {
  await lab?.stop();
});

type Outcome = { readonly code: number; readonly out: string; readonly err: string };

/** Runs psctl on the first host as root, and on the second as a user. */
async function psctl(host: 1 | 2, words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const at = lab.host(host);
  const command = [at.path(process.execPath), at.path(join(root, "src/cli/main.ts")), ...words] as const;
  try {
    const run = host === 1 ? at.run(command, options) : at.runAsUser(command, options);
    return { code: 0, out: await run, err: "" };
  } catch (error) {
    assert.ok(error instanceof ProgramError);
    return { code: error.exitCode ?? -1, out: "", err: error.stderr };
  }
}

const secondDir = (): string => join(lab.host(2).home, ".local/share/podman-swarm");
const join2 = (token: string, words: readonly string[] = [], env = {}): Promise<Outcome> =>
  psctl(2, ["join", lab.host(1).address, "--token=-", ...words, "--", ...PORTS], { input: `${token}\n`, env });

async function newToken(flags: readonly string[] = []): Promise<string> {
  const { out, err } = await psctl(1, ["token", "create", "--quiet", ...flags]);
  assert.equal(err, "");
  return out.trim();
}

/** Resolves once the second host's agent sees both. Who has just joined may be doubted for a moment. */
async function seesBoth(): Promise<void> {
  const check = async (): Promise<boolean> => /n1 .* alive\s+n2 .* alive/.test((await psctl(2, ["members"])).out);
  await eventually(check, { what: "both members", timeoutMs: 60_000, everyMs: 200 });
}

const firstDir = (): string => join(lab.host(1).folder, "node");

test("psctl init starts an agent, and tells how to join and where the kubeconfig is", async () => {
  const { out, err, code } = await psctl(1, ["init", `--data-dir=${firstDir()}`, "--node-name=n1", "--", ...PORTS]);
  assert.equal(code, 0, err);
  assert.match(out, /No agent runs here: starting one\.\nThe agent runs in the background with pid \d+/);
  assert.match(out, /The node works\.\nThe cluster [0-9a-f]{32} has one node\./);
  assert.match(out, TOKEN);
  assert.match(out, /\n {2}psctl join 10\.99\.0\.1:7946\n/);
  assert.match(out, new RegExp(`Credentials came from ${firstDir()}/kubeconfig`));
});

test("an agent with a cluster of its own is not touched: psctl join says what to do", async () => {
  const { code, err } = await psctl(1, ["join", "10.99.0.9", "--token=-"], { input: "any" });
  assert.equal(code, 1);
  assert.match(
    err,
    /An agent runs here already, .* as a cluster of its own that runs nothing\. To join 10\.99\.0\.9 instead:/,
  );
  assert.match(err, new RegExp(`\\n\\n {2}kill \\d+\\n {2}mv ${firstDir()} ${firstDir()}\\.old\\n {2}psctl join 10`));
});

/** Ten minutes ahead: hosts of a lab have one clock. */
const WRONG_CLOCK = "data:text/javascript,const%20now=Date.now;Date.now=()=>now()+600000";

test("every refusal is told by psctl join itself, and nothing is left behind", async () => {
  const revoked = await newToken();
  const id = /^\S+-\S+-\S+-(\S{8})/.exec(revoked)?.[1] ?? "";
  assert.equal((await psctl(1, ["token", "revoke", id])).code, 0);
  const good = await newToken(["--uses=1"]);
  const other = "h2 nowhere";
  const refusals: readonly (readonly [string, () => Promise<Outcome>, RegExp])[] = [
    ["a cut token", () => join2(good.slice(0, -3)), /Cannot read the join token: it is too short or too long/],
    ["no token", () => join2(""), /the join token/],
    ["a revoked token", () => join2(revoked), /Cannot join through 10\.99\.0\.1:7946: the join token was revoked/],
    ["a taken name", () => join2(good, ["--node-name=n1"]), /the name n1 is this member's own: .* --node-name/],
    ["a bad name", () => join2(good, [`--node-name=${other}`]), /expected lower-case letters/],
    ["another clock", () => join2(good, [], { NODE_OPTIONS: `--import=${WRONG_CLOCK}` }), /the clocks are \d+ seconds/],
    [
      "nobody there",
      () => psctl(2, ["join", "10.99.0.1:7000", "--token=-", "--", ...PORTS], { input: good }),
      /Cannot join through 10\.99\.0\.1:7000: nothing listens there/,
    ],
    [
      "no such host",
      () => psctl(2, ["join", "10.99.0.77", "--token=-", "--", ...PORTS], { input: good }),
      /10\.99\.0\.77:7946: (there is no way to that host|it does not answer)/,
    ],
    [
      "a port below 1024",
      () => psctl(2, ["join", "10.99.0.1", "--token=-"], { input: good }),
      /Cannot bind the ingress socket 0\.0\.0\.0:80\/tcp: ports below 1024/,
    ],
  ];
  for (const [what, attempt, message] of refusals) {
    const { code, err } = await attempt();
    assert.equal(code, 1, `${what}: ${err}`);
    assert.match(err, message, what);
    assert.match(err, /This host has not joined, and nothing was left on it\./, what);
    assert.ok(!existsSync(secondDir()), `${what} left ${secondDir()}`);
  }
  const { code, err } = await psctl(2, ["join", "10.99.0.1"]);
  assert.deepEqual([code, /Give the join token with --token-file=FILE/.test(err)], [2, true]);
  // Its one use is still there.
  const { out } = await psctl(1, ["token", "list"]);
  assert.match(out, new RegExp(`^${/-(\S{8})[^-]*$/.exec(good)?.[1]} +usable +1 `, "m"));
});

test("a cluster port whose UDP half is taken is told with its holder, by psctl join and by the agent itself", async () => {
  const at = lab.host(2);
  const hold = "require('node:dgram').createSocket('udp4').bind(7946, () => console.log('bound'))";
  const holder = at.spawnAsUser([at.path(process.execPath), "-e", hold]);
  const gone = new Promise((resolve) => holder.once("close", resolve));
  try {
    await new Promise((resolve) => holder.stdout?.once("data", resolve));
    const said =
      /Cannot bind the cluster socket 0\.0\.0\.0:7946\/udp: the port is in use by .*\(pid \d+\); stop that process, or choose another port with --bind-addr$/m;
    const { code, err } = await join2(await newToken());
    assert.deepEqual([code, said.test(err), existsSync(secondDir())], [1, true, false]);
    const agent = [at.path(process.execPath), at.path(join(root, "src/daemon/main.ts")), ...PORTS] as const;
    await assert.rejects(at.runAsUser([...agent, `--data-dir=${join(at.home, "never")}`]), said);
  } finally {
    process.kill(at.pidOf(holder));
    await gone;
  }
});

test("one command joins a host as a user; the token is then nowhere on it", async () => {
  const token = await newToken(["--uses=1"]);
  const { out, err, code } = await join2(token, ["--node-name=n2"]);
  assert.equal(code, 0, err);
  assert.match(out, /Joined through 10\.99\.0\.1 as n2\.\nThe cluster [0-9a-f]{32} has 2 nodes, and this one works\./);
  await seesBoth();
  assert.deepEqual(filesWith(secondDir(), [token]), []);
  await assert.rejects(lab.host(2).run(["grep", "-qF", token, "/proc/1/environ"]), /exit code 1/);
  const again = await psctl(2, ["join", "10.99.0.1", "--token=-"], { input: token });
  assert.deepEqual([again.code, again.err], [0, ""]);
  assert.match(again.out, /This host is a member already: the cluster [0-9a-f]{32} has 2 nodes\./);
});

test("at a terminal psctl join asks for the token, and shows none of it", async () => {
  const at = lab.host(2);
  await psctl(2, ["leave"]);
  await eventually(() => !existsSync(join(secondDir(), "lock")), { what: "the agent's end", timeoutMs: 60_000 });
  const token = await newToken();
  const words = [process.execPath, join(root, "src/cli/main.ts")].map((word) => at.path(word));
  const line = [...words, "join", "h1", "--node-name=n2", "--", ...PORTS].join(" ");
  const terminal = at.spawnAsUser(["script", "-qec", line, "/dev/null"]);
  let shown = "";
  terminal.stdout?.setEncoding("utf8").on("data", (text: string) => (shown += text));
  const ended = new Promise((resolve) => terminal.once("close", resolve));
  await eventually(() => shown.includes("Join token (psctl token create prints one on a member): "), {
    what: "a question",
    timeoutMs: 60_000,
  });
  terminal.stdin?.write(`${token}\r`);
  assert.equal(await ended, 0, shown);
  assert.match(shown, /Joined through h1 as n2\./);
  assert.ok(!shown.includes(token));
  await seesBoth();
});

test("a member is not taken out of its cluster by psctl join, which says how", async () => {
  const { code, err } = await psctl(2, ["join", "10.99.0.9", "--token=-"], { input: "any" });
  assert.equal(code, 1);
  assert.match(
    err,
    /An agent runs here already, .*as a node of the cluster .*To join 10\.99\.0\.9 instead:\n\n {2}psctl leave\n/,
  );
});

test("psctl init starts a stopped member again, and it is of its cluster", async () => {
  const [, pid = ""] = /"holder":\{"pid":(\d+)/.exec(readFileSync(join(secondDir(), "lock"), "utf8")) ?? [];
  await lab.host(2).run(["kill", pid]);
  const gone = (): boolean => !existsSync(join(secondDir(), "lock"));
  await eventually(gone, { what: "the agent's end", timeoutMs: 60_000 });
  // The other one answers nothing meanwhile.
  const slow = (await lab.host(1).run(["pgrep", "-o", "-f", "main.ts run-agent"])).trim();
  await lab.host(1).run(["kill", "-STOP", slow]);
  try {
    const { code, out, err } = await psctl(2, ["init", "--", "--node-name=n2", ...PORTS]);
    assert.equal(code, 0, err);
    assert.match(out, /The cluster [0-9a-f]{32} has 2 nodes/);
  } finally {
    await lab.host(1).run(["kill", "-CONT", slow]);
  }
  await seesBoth();
});

test("the data directory of another cluster is refused, and stays as it was", async () => {
  const at = lab.host(2);
  const foreign = join(at.home, "foreign");
  await at.runAsUser(["mkdir", "-p", join(foreign, "pki")]);
  await at.runAsUser(["touch", join(foreign, "pki/ca.crt")]);
  await psctl(2, ["leave"]);
  await eventually(() => !existsSync(join(secondDir(), "lock")), { what: "the agent's end", timeoutMs: 60_000 });
  const token = await newToken();
  const refused = await join2(token, ["--node-name=n2", `--data-dir=${foreign}`]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /the node of .*foreign is of another cluster already/);
  assert.deepEqual(readdirSync(join(foreign, "pki")), ["ca.crt"]);
  const { code, err } = await join2(token, ["--node-name=n2"]);
  assert.equal(code, 0, err);
});

test("an agent that does not start after it has joined says why, and the same command works once that is mended", async () => {
  const at = lab.host(2);
  const passphrase = join(at.home, "passphrase");
  await at.runAsUser(["sh", "-c", `umask 77; echo 'a long passphrase' >${passphrase}`]);
  const leave = async (): Promise<void> => {
    await psctl(2, ["leave"]);
    await eventually(() => !existsSync(join(secondDir(), "lock")), { what: "the agent's end", timeoutMs: 60_000 });
  };
  const token = await newToken();
  const attempt = (flags: readonly string[]): Promise<Outcome> =>
    psctl(2, ["join", "h1", "--token=-", "--node-name=n2", "--", ...PORTS, ...flags], { input: token });
  const locked = [`--unlock-passphrase-file=${passphrase}`];
  await leave();
  const first = await attempt(locked);
  assert.equal(first.code, 0, first.err);
  await leave();
  const { code, err } = await attempt([]);
  assert.equal(code, 1);
  assert.match(err, /The agent did not start\. It said:\n.*data\.key is locked: give its passphrase/);
  assert.match(err, /This host stays joined: mend that, and run the same psctl join again\./);
  const again = await attempt(locked);
  assert.deepEqual([again.code, again.err], [0, ""]);
  assert.match(again.out, /This node is of that cluster already\.\nThe cluster [0-9a-f]{32} has 2 nodes/);
  assert.deepEqual(filesWith(join(secondDir(), "pki"), ["PRIVATE KEY"]), []);
});
