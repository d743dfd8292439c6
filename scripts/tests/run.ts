import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { root } from "../root.ts";
import { type Failure, failuresIn } from "./failures.ts";
import { beginTestRun } from "./leftovers.ts";
import { countTests, type Tally } from "./tally.ts";

/** npm scripts in the order in which they run. All of them run, whatever fails, so that one run shows everything. */
const TEST = ["fmt:check", "types", "lint", "unused", "test", "build", "test:integration", "test:kubectl"];
const STAGES = {
  test: TEST,
  full: [...TEST, "test:node26", "test:integration:node26", "test:long", "build:bin", "bench"],
} as const;

interface Stage extends Tally {
  readonly name: string;
  readonly seconds: number;
  readonly failures: readonly Failure[];
}

async function runStage(name: string): Promise<Stage> {
  console.log(`\n== npm run ${name}`);
  const start = systemClock.monotonic();
  const { temporary } = await beginTestRun();
  const cleaner = startCleaner();
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn("npm", ["run", "-s", name], { cwd: root, stdio: ["ignore", "pipe", "inherit"], env });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const [code] = (await once(child, "close")) as [number | null];
  const cleaned = await cleaner.run();
  const tally = countTests(output, code ?? 1);
  if (!cleaned) tally.failed += 1;
  return { name, seconds: (systemClock.monotonic() - start) / 1000, ...tally, failures: failuresIn(output) };
}

interface Cleaner {
  /** Resolves with whether everything could be removed. */
  run(): Promise<boolean>;
}

function startCleaner(): Cleaner {
  // In a session of its own, so that what ends this one does not end it, too.
  const cleaner = spawn(process.execPath, [join(import.meta.dirname, "clean-afterwards.ts")], {
    cwd: root,
    detached: true,
    stdio: ["pipe", "inherit", "inherit"],
  });
  const ended = once(cleaner, "exit") as Promise<[number | null]>;
  const run = async (): Promise<boolean> => {
    cleaner.stdin.end();
    const [code] = await ended;
    return code === 0;
  };
  current = { run };
  return current;
}

let current: Cleaner | undefined;

async function main(stages: readonly string[]): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => void (current?.run() ?? Promise.resolve()).then(() => process.exit(130)));
  }
  const done: Stage[] = [];
  for (const name of stages) done.push(await runStage(name));
  return report(done);
}

function report(stages: readonly Stage[]): number {
  console.log("");
  for (const { name, seconds, passed, failed } of stages) {
    console.log(`${name.padEnd(18)} ${seconds.toFixed(0).padStart(5)} s  ${passed} passed, ${failed} failed`);
  }
  for (const { name, file, why } of stages.flatMap(({ failures }) => failures)) {
    console.log([`\nfailed: ${name}${file === undefined ? "" : ` (${file})`}`, ...why].join("\n  "));
  }
  const failed = stages.reduce((sum, stage) => sum + stage.failed, 0);
  console.log(`\n${stages.reduce((sum, stage) => sum + stage.passed, 0)} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main(STAGES[process.argv[2] === "full" ? "full" : "test"]);
