import { systemClock } from "../../src/lib/clock.ts";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../src/lib/log.ts";
import { root } from "../../scripts/root.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { readMatrix, type Row } from "./matrix.ts";
import { pinnedKubectls, type Kubectl } from "./pinned-kubectl.ts";
import { removePods } from "./remove-pods.ts";
import { runRow } from "./run-row.ts";

/**
 * Runs matrix.yaml with every pinned kubectl against an agent on real Podman and ends with "kubectl: N of M".
 * usage: node test/kubectl/run.ts [--only TEXT] [--version v1.33]; PODMAN_SWARM_AGENT names another agent than the bundle
 */
async function main(): Promise<number> {
  if (process.arch !== "x64") {
    console.log(`kubectl's tests were not run: the pinned kubectl exists for x64 only, and this is ${process.arch}`);
    return 0;
  }
  const rows = readMatrix().filter(({ name }) => name.includes(option("--only") ?? ""));
  const kubectls = (await pinnedKubectls()).filter(({ version }) => version.startsWith(option("--version") ?? "v"));
  console.log(`kubectl ${kubectls.map(({ version }) => version).join(", ")}; ${rows.length} rows`);
  const namespaces: string[] = [];
  execFileSync(join(root, "test/images/make"), { stdio: "inherit" });
  const words = (process.env["PODMAN_SWARM_AGENT"] ?? join(root, "dist/podman-swarm-agent")).split(" ");
  const command: [string, ...string[]] = [words[0] ?? "", ...words.slice(1)];
  const agent = await AgentProcess.start({ command, flags: ["--node-name=kubectl-test"] });
  try {
    const passed = await Promise.all(
      kubectls.map((kubectl) => runVersion(kubectl, { rows, kubectls, agent, namespaces })),
    );
    console.log(`kubectl: ${passed.reduce((sum, one) => sum + one, 0)} of ${rows.length * kubectls.length}`);
    return passed.every((one) => one === rows.length) ? 0 : 1;
  } finally {
    const log = join(root, ".cache/kubectl/agent.log");
    mkdirSync(join(log, ".."), { recursive: true });
    writeFileSync(log, agent.output);
    await agent.end();
    await removePods(agent, namespaces);
    await agent.stop();
  }
}

interface Setting {
  rows: Row[];
  kubectls: Kubectl[];
  agent: AgentProcess;
  /** Every namespace that was made, for cleaning up. */
  namespaces: string[];
}

/** Runs all rows with one version, one after the other; resolves with how many passed. */
async function runVersion(kubectl: Kubectl, { rows, kubectls, agent, namespaces }: Setting): Promise<number> {
  const short = kubectl.version.split(".").slice(0, 2).join(".");
  let passed = 0;
  for (const [index, row] of rows.entries()) {
    const namespace = `kubectl-${short.replace("v1.", "")}-${index + 1}`;
    namespaces.push(namespace, `${namespace}-extra`);
    const start = systemClock.monotonic();
    const scene = {
      kubectl: kubectl.file,
      checkingKubectl: kubectls.at(-1)?.file ?? kubectl.file,
      kubeconfig: readFileSync(agent.kubeconfig, "utf8"),
      server: `https://127.0.0.1:${agent.apiPort}`,
      ingressPort: agent.ingressPort,
      namespace,
    };
    const failure = await runRow(row, scene).then(
      () => undefined,
      (error: unknown) => describeError(error),
    );
    const seconds = ((systemClock.monotonic() - start) / 1000).toFixed(1);
    if (failure === undefined) passed += 1;
    console.log(`${failure === undefined ? "ok    " : "not ok"} ${short} ${row.name} (${seconds} s)`);
    if (failure !== undefined) console.log(failure.replaceAll(/^/gmu, "         "));
  }
  return passed;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

process.exitCode = await main();
