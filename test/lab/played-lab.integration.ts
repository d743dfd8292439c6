import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before } from "node:test";
import { promisify } from "node:util";
import { childrenOf } from "./lab-process.ts";
import { canStartLabs, labTest } from "./lab-test.ts";
import { eventually } from "../poll.ts";
import { buildPrograms } from "../support/lab-cluster.ts";
import { root } from "../../scripts/root.ts";

/** A lab of this test's own, beside whatever somebody plays with. */
const env = { ...process.env, LAB: `test-${process.pid}` };
const record = join(root, `.cache/labs/${env.LAB}.json`);
const command = [process.execPath, join(root, "scripts/lab/lab.ts")] as const;

async function lab(...words: string[]): Promise<string> {
  const [file, ...args] = [...command, ...words];
  return (await promisify(execFile)(file, args, { env })).stdout;
}

/** A lab that is starting, and its first line. */
async function starting(...words: string[]): Promise<ChildProcess> {
  const [file, ...args] = [...command, "up", ...words];
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

const keeperPid = (): number => (JSON.parse(readFileSync(record, "utf8")) as { keeper: { pid: number } }).keeper.pid;
const folderOf = (said: string): string => /KUBECONFIG=(\S+)\/h1\//.exec(said)?.[1] ?? "";

/** All processes that it has started, and those that they have started. */
function below(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...below(child)]);
}

/** What still runs or is mounted of a lab, by whatever names its folder. */
function traces(folder: string): string[] {
  const files = ["/proc/self/mounts", ...globSync("/proc/[0-9]*/{cmdline,environ}")];
  const named = files.filter((file) => {
    try {
      return readFileSync(file, "utf8").includes(folder);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
  return [...named, ...[folder, record].filter((path) => existsSync(path))];
}

before(async () => {
  if (canStartLabs) await buildPrograms();
});

afterEach(async () => {
  if (canStartLabs) await lab("down");
});

labTest("a lab is played with from any shell, and nothing of it is left at its end", async () => {
  const said = await lab("up", "2");
  const folder = folderOf(said);
  const kubeconfig = /export KUBECONFIG=(\S+)/.exec(said)?.[1] ?? "";
  const members = async (): Promise<string> => {
    const args = ["members", `--kubeconfig=${kubeconfig}`];
    return (await promisify(execFile)(join(root, "dist/psctl"), args)).stdout;
  };
  assert.match(await members(), /n1 .* alive\nn2 .* alive\n/);
  assert.match(await lab("up", "2"), /^A lab runs already; "make lab-down" removes it\./);
  assert.match(await lab("sh", "2", "psctl", "members"), /n1 .* alive\nn2 .* alive\n/);
  assert.match(await lab("part", "1", "2"), /h1 and h2 do not reach each other/);
  assert.match(await lab("status"), /n2 .* runs\n[^]*h1 and h2: parted/);
  assert.match(await lab("mend"), /nothing is lost any more/);
  assert.match(await lab("crash", "2"), /h2 has no power/);
  assert.match(await lab("status"), /n2 .* no power/);
  await assert.rejects(lab("sh", "2", "true"), /Cannot use h2: it is not running/);
  assert.match(await lab("boot", "2"), /h2 has booted, and n2 with it/);
  await eventually(async () => /n1 .* alive\nn2 .* alive\n/.test(await members()), { timeoutMs: 120_000 });
  await assert.rejects(lab("cut", "3"), /Cannot use node 3: there are 2/);
  // Others may change the machine's network meanwhile; the lab's switch, ports and addresses are not in it.
  const own = execFileSync("ip", ["-brief", "address"], { encoding: "utf8" });
  assert.doesNotMatch(own, /10\.99\.0\.|^(?:br0|p\d+)[ @]/m);
  assert.match(await lab("down"), /all of it is removed/);
  assert.deepEqual(traces(folder), []);
  await assert.rejects(lab("status"), /Cannot find a lab named test-\d+ that runs/);
  await lab("down");
});

labTest("a lab whose start is killed takes back what it has started", async () => {
  const child = await starting("3");
  const pid = keeperPid();
  child.kill("SIGKILL");
  await eventually(() => !existsSync(record) && !existsSync(`/proc/${pid}`), {
    what: "the keeper's end",
    timeoutMs: 60_000,
  });
});

labTest("a lab that is taken down while it starts is gone", async () => {
  const child = await starting("3");
  const ended = once(child, "exit") as Promise<[number]>;
  await lab("down");
  assert.deepEqual(await ended, [1, null]);
  assert.ok(!existsSync(record));
});

labTest("of a lab that was killed, the next start and lab-down remove the rest", async () => {
  for (const next of ["up", "down"]) {
    const folder = folderOf(await lab("up", "1"));
    const processes = below(keeperPid());
    assert.ok(processes.length > 10, `${processes.length} processes`);
    process.kill(keeperPid(), "SIGKILL");
    await eventually(() => processes.every((pid) => !existsSync(`/proc/${pid}`)), {
      what: "the end of all processes",
      timeoutMs: 60_000,
    });
    await lab(next, ...(next === "up" ? ["1"] : []));
    assert.deepEqual(
      traces(folder).filter((trace) => trace !== record || next === "down"),
      [],
    );
  }
});
