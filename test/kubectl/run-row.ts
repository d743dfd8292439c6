import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../poll.ts";
import { difference, matchesText } from "./expect.ts";
import type { Check, Outcome, Row } from "./matrix.ts";

/** Where a row runs. */
export interface Scene {
  /** The version under test, and the one that checks. */
  kubectl: string;
  checkingKubectl: string;
  kubeconfig: string;
  /** https://HOST:PORT of the API. */
  server: string;
  /** The ingress's port on this host. */
  ingressPort: number;
  namespace: string;
  /** How long an effect may take; 45 seconds by default. */
  checkTimeoutMs?: number;
}

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const STEP_TIMEOUT_S = 90;

/** Runs one row in a namespace and a folder of its own, both gone afterwards. Throws with what was not as expected. */
export async function runRow(row: Row, scene: Scene): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-kubectl-"));
  const fill = (text: string): string => text.replaceAll("$NS", scene.namespace).replaceAll("$SERVER", scene.server);
  const shell = (command: string, kubectl: string): Promise<Ran> => run(fill(command), { folder, kubectl });
  try {
    prepare(folder, row, scene, fill);
    await sure(shell(`kubectl create namespace $NS`, scene.checkingKubectl));
    await sure(shell(`kubectl config set-context --current --namespace=$NS`, scene.checkingKubectl));
    for (const step of row.steps) compare(step, await shell(step.run, scene.kubectl), fill);
    for (const check of row.check) {
      await eventually(() => verify(check, { scene, fill, shell }), {
        timeoutMs: scene.checkTimeoutMs ?? 45_000,
        everyMs: 250,
        what: "the effect",
      });
    }
  } finally {
    await run(`kubectl delete namespace ${scene.namespace} --wait=false --ignore-not-found`, {
      folder,
      kubectl: scene.checkingKubectl,
    });
    rmSync(folder, { recursive: true, force: true });
  }
}

function prepare(folder: string, row: Row, scene: Scene, fill: (text: string) => string): void {
  for (const [name, text] of Object.entries(row.files)) writeFileSync(join(folder, name), fill(text));
  for (const file of [scene.kubectl, scene.checkingKubectl]) {
    mkdirSync(binFolder(folder, file), { recursive: true });
    symlinkSync(file, join(binFolder(folder, file), "kubectl"));
    if (scene.kubectl === scene.checkingKubectl) break;
  }
  writeFileSync(join(folder, "kubeconfig"), scene.kubeconfig, { mode: 0o600 });
}

/** One a version, so that the command reads `kubectl` whichever it is. */
function binFolder(folder: string, kubectl: string): string {
  return join(folder, ".bin", Buffer.from(kubectl).toString("base64url").slice(-16));
}

/** With a HOME of its own, so that kubectl's discovery cache of another version or server is never used. */
async function run(command: string, { folder, kubectl }: { folder: string; kubectl: string }): Promise<Ran> {
  const child = spawn("timeout", ["--kill-after=5", String(STEP_TIMEOUT_S), "sh", "-c", command], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: `${binFolder(folder, kubectl)}:${process.env["PATH"]}`,
      HOME: folder,
      KUBECONFIG: join(folder, "kubeconfig"),
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject).once("close", (status) => resolve(status ?? 128));
  });
  return { code, stdout, stderr };
}

async function sure(ran: Promise<Ran>): Promise<void> {
  const { code, stderr } = await ran;
  if (code !== 0) throw new Error(`Cannot prepare the row: ${stderr.trim()}`);
}

function compare(expected: Outcome, ran: Ran, fill: (text: string) => string): void {
  const wrong: string[] = [];
  if (ran.code !== expected.exit)
    wrong.push(`exit code ${ran.code}${ran.code === 124 ? " (timed out)" : ""}, not ${expected.exit}`);
  for (const one of expected.stdout) if (!matchesText(ran.stdout, fill(one))) wrong.push(`stdout lacks ${fill(one)}`);
  for (const one of expected.stderr) if (!matchesText(ran.stderr, fill(one))) wrong.push(`stderr lacks ${fill(one)}`);
  for (const one of expected.without) {
    if (matchesText(ran.stdout + ran.stderr, fill(one))) wrong.push(`the output has ${fill(one)}`);
  }
  if (wrong.length === 0) return;
  throw new Error(
    `${expected.run.trim()}\n${wrong.join("\n")}\nstdout: ${ran.stdout.trim()}\nstderr: ${ran.stderr.trim()}`,
  );
}

interface Checking {
  scene: Scene;
  fill: (text: string) => string;
  shell: (command: string, kubectl: string) => Promise<Ran>;
}

/** Returns true or throws with what is not so yet. */
async function verify(check: Check, { scene, fill, shell }: Checking): Promise<true> {
  switch (check.kind) {
    case "get": {
      const ran = await shell(`kubectl get ${check.what} -o json --ignore-not-found`, scene.checkingKubectl);
      if (ran.code !== 0) throw new Error(ran.stderr.trim());
      verifyObjects(check, ran.stdout, fill);
      return true;
    }
    case "http": {
      const { status, body } = await get(scene.ingressPort, check.path, fill(check.host));
      if (status !== check.status)
        throw new Error(`${check.host} answers ${status}, not ${check.status}: ${body.slice(0, 200)}`);
      if (check.body !== undefined && !matchesText(body.trim(), fill(check.body)))
        throw new Error(`${check.host} answers ${body}`);
      return true;
    }
    case "run":
      compare(check.outcome, await shell(check.outcome.run, scene.checkingKubectl), fill);
      return true;
  }
}

function verifyObjects(check: Check & { kind: "get" }, stdout: string, fill: (text: string) => string): void {
  const answer = stdout.trim() === "" ? undefined : (JSON.parse(stdout) as { kind: string; items?: unknown[] });
  const items = answer === undefined ? [] : (answer.items ?? [answer]);
  const count = check.absent ? 0 : (check.count ?? 1);
  if (items.length !== count) throw new Error(`${check.what}: ${items.length} there, not ${count}`);
  const like: unknown = JSON.parse(fill(JSON.stringify(check.like ?? {})));
  for (const item of items) {
    const found = difference(item, like, check.what);
    if (found !== undefined) throw new Error(found);
  }
}

async function get(port: number, path: string, host: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      answer.once("error", reject).once("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    outgoing.once("error", reject).end();
  });
}
