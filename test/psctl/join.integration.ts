import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/root.ts";
import { ProgramError } from "../../src/lib/host/run-program.ts";
import { Lab } from "../lab/lab.ts";
import type { LabHost, RunOptions } from "../lab/lab-host.ts";

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

const dataDir = (host: LabHost): string => join(host.home, ".local/share/podman-swarm");
const join2 = (token: string, words: readonly string[] = [], env = {}): Promise<Outcome> =>
  psctl(2, ["join", lab.host(1).address, "--token=-", ...words, "--", ...PORTS], { input: `${token}\n`, env });

async function newToken(flags: readonly string[] = []): Promise<string> {
  const { out, err } = await psctl(1, ["token", "create", "--quiet", ...flags]);
  assert.equal(err, "");
  return out.trim();
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
