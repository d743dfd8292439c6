import { spawn } from "node:child_process";
import { root } from "./root.ts";
import { countTests, type Tally } from "./tally.ts";

/** npm scripts in the order in which they run. All of them run, whatever fails, so that one run shows everything. */
const STAGES = {
  test: ["fmt:check", "types", "lint", "unused", "test", "build", "test:integration", "test:kubectl"],
  full: [
    "fmt:check",
    "types",
    "lint",
    "unused",
    "test",
    "build",
    "build:bin",
    "test:integration",
    "test:kubectl",
    "bench",
  ],
} as const;

async function runStage(stage: string): Promise<Tally> {
  console.log(`\n== npm run ${stage}`);
  const child = spawn("npm", ["run", "-s", stage], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject).once("close", (status) => resolve(status ?? 1));
  });
  return countTests(output, code);
}

const which = process.argv[2] === "full" ? "full" : "test";
const total: Tally = { passed: 0, failed: 0 };
const broken: string[] = [];
for (const stage of STAGES[which]) {
  const { passed, failed } = await runStage(stage);
  total.passed += passed;
  total.failed += failed;
  if (failed > 0) broken.push(stage);
}
if (broken.length > 0) console.log(`\nFailed: ${broken.join(", ")}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
