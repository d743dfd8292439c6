import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../src/lib/log.ts";
import { readHostSettings } from "../host-settings.ts";
import { root } from "../root.ts";
import { answer, comesTrue, DEMO, psctl, run, stopDemo, type Before } from "./demo.ts";

const ingress = `http://hello.localhost:${DEMO.ingressPort}/`;

/** Starts an agent with the newest build, deploys the example and shows that it answers. */
async function up(): Promise<void> {
  mkdirSync(DEMO.dataDir, { recursive: true, mode: 0o700 });
  await rememberBefore();
  await stopDemo();
  await start();
  console.log(`demo: psctl apply -f examples/hello.yaml`);
  process.stdout.write(await psctl("apply", "-f", DEMO.manifest));
  process.stdout.write(await psctl("rollout", "status", "deployment/hello", "--timeout", "120s"));
  process.stdout.write(await psctl("get", "pods", "-o", "wide"));
  await showAnswers();
  process.stdout.write(`
Go on with psctl or kubectl:
  export KUBECONFIG=${DEMO.kubeconfig}
  alias psctl='${join(root, "dist/psctl")} --kubeconfig ${DEMO.kubeconfig}'
  psctl get pods
  psctl scale deployment/hello --replicas 5
  kubectl set image deployment/hello web=localhost/podman-swarm/demo:2
  curl ${ingress}
The agent's log is ${DEMO.logFile}; "make demo-down" removes everything again.
`);
}

async function rememberBefore(): Promise<void> {
  if (existsSync(DEMO.beforeFile)) return;
  const list = async (...args: string[]): Promise<string[]> =>
    (await run("podman", args)).stdout.split("\n").filter((line) => line !== "");
  const before: Before = {
    settings: readHostSettings(),
    images: await list("images", "--format", "{{.Repository}}:{{.Tag}}"),
    networks: await list("network", "ls", "--format", "{{.Name}}"),
  };
  writeFileSync(`${DEMO.beforeFile}.new`, JSON.stringify(before));
  renameSync(`${DEMO.beforeFile}.new`, DEMO.beforeFile);
}

async function start(): Promise<void> {
  const log = openSync(DEMO.logFile, "a", 0o600);
  const flags = [
    ["--node-name", "demo"],
    ["--data-dir", DEMO.dataDir],
    ["--api-addr", `127.0.0.1:${DEMO.apiPort}`],
    ["--http-addr", `127.0.0.1:${DEMO.httpPort}`],
    ["--ingress-port", String(DEMO.ingressPort)],
    ["--ingress-tls-port", String(DEMO.ingressTlsPort)],
  ].flat();
  console.log(`demo: podman-swarm-agent ${flags.join(" ")}`);
  const child = spawn(join(root, "dist/podman-swarm-agent"), flags, { detached: true, stdio: ["ignore", log, log] });
  child.unref();
  const ready = await comesTrue(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return true;
    return existsSync(DEMO.kubeconfig) && (await answer(`http://127.0.0.1:${DEMO.httpPort}/readyz`)) !== undefined;
  }, 60_000);
  if (ready && child.exitCode === null) return;
  const tail = readFileSync(DEMO.logFile, "utf8").split("\n").slice(-15).join("\n");
  throw new Error(`Cannot start the agent: its log ${DEMO.logFile} ends with:\n${tail}`);
}

/** With curl where there is one, because that is what people know. */
async function showAnswers(): Promise<void> {
  const plain = `http://127.0.0.1:${DEMO.ingressPort}/`;
  for (let times = 0; times < 3; times += 1) {
    const { stdout } = await run("curl", ["-sS", "--max-time", "10", "-H", "Host: hello.localhost", plain]).catch(
      async (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        return { stdout: (await answer(plain, "hello.localhost")) ?? "no answer\n" };
      },
    );
    process.stdout.write(`demo: curl ${ingress}\n${stdout}`);
    if (!stdout.startsWith("Hello from hello-"))
      throw new Error("Cannot reach the example through the ingress, see above");
  }
}

try {
  await up();
} catch (error) {
  console.error(`demo: ${describeError(error)}`);
  console.error(`"make demo" can be run again; "make demo-down" removes what is there`);
  process.exitCode = 1;
}
