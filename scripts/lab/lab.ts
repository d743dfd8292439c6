import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isRunning, killProcess } from "../../src/daemon/supervisor/process-identity.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { describeError } from "../../src/lib/log.ts";
import { enterHost } from "../../test/lab/enter-host.ts";
import { removeLeftovers } from "../../test/lab/leftovers.ts";
import { root } from "../root.ts";
import { giveOrder } from "./control.ts";
import type { KeeperReport } from "./keeper.ts";
import {
  keeperLog,
  keeperSocket,
  labName,
  type LabRecord,
  makeLabsFolder,
  readLabRecord,
  removeLabRecord,
} from "./lab-record.ts";
import type { Door, LabStatus } from "./played-lab.ts";

const HELP = `A cluster on hosts of its own on this machine, to play with. As root.
  make lab [N=3] [ROOTLESS=1]             starts N hosts and forms a cluster of them
  npm run -s lab -- status                what runs, and where the kubeconfigs are
  npm run -s lab -- sh N [COMMAND...]     a shell on host N, or a command, as whoever runs the agent there
  npm run -s lab -- logs N                the log of host N's agent
  npm run -s lab -- crash N               cuts its power
  npm run -s lab -- boot N                gives it power again: its agent starts by itself
  npm run -s lab -- cut N                 pulls its network cable
  npm run -s lab -- heal N                plugs it in again
  npm run -s lab -- part A B              parts two hosts from each other, not from the others
  npm run -s lab -- lose PERCENT [A B]    loses packets between two hosts, or between all
  npm run -s lab -- mend [A B]            takes back what part and lose did
  npm run -s lab -- join N                empties node N and has it join by a new token, after it left or was removed
  make lab-down                           removes all of it
LAB=NAME in the environment names another lab beside the first.
`;

const MOST_HOSTS = 50;
const END_MS = 30_000;

async function up(args: readonly string[]): Promise<number> {
  const rootless = args.includes("--rootless");
  const [hosts = "3"] = args.filter((word) => word !== "--rootless");
  if (!/^\d+$/.test(hosts) || Number(hosts) < 1 || Number(hosts) > MOST_HOSTS)
    throw new Error(`Cannot start a lab of ${hosts} hosts: give a number from 1 to ${MOST_HOSTS}`);
  if (process.getuid?.() !== 0)
    throw new Error("Cannot start a lab: its namespaces need root; run the same in a shell of root's");
  const old = readLabRecord();
  if (old !== undefined && isRunning(old.keeper)) {
    console.log(`A lab runs already; "make lab-down" removes it.\n`);
    return await status();
  }
  if (old !== undefined) await down(); // its keeper was killed
  const began = systemClock.monotonic();
  await startKeeper(hosts, rootless);
  const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1);
  console.log(`The cluster is formed, ${seconds} s after the first host's start.\n`);
  return await status();
}

/** Resolves when its cluster is formed. */
async function startKeeper(hosts: string, rootless: boolean): Promise<void> {
  makeLabsFolder();
  const log = openSync(keeperLog, "w", 0o600);
  const args = [join(import.meta.dirname, "keeper.ts"), hosts, rootless ? "unprivileged" : "root"];
  // In a session of its own, so that what ends this one does not end it, too.
  const keeper = spawn(process.execPath, args, { cwd: root, detached: true, stdio: ["ignore", log, log, "ipc"] });
  const formed = Promise.withResolvers<void>();
  keeper.on("message", (message) => {
    const { kind, text } = message as KeeperReport;
    if (kind === "progress") console.log(`lab: ${text}`);
    else if (kind === "formed") formed.resolve();
    else formed.reject(new Error(`Cannot start a lab: ${text}`));
  });
  keeper.once("exit", () => formed.reject(new Error("Cannot start a lab: it was ended")));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      console.log("lab: takes back what it has started");
      keeper.disconnect();
    });
  }
  try {
    await formed.promise;
  } catch (error) {
    if (keeper.exitCode === null && keeper.signalCode === null) await once(keeper, "exit");
    removeLeftovers();
    throw error;
  }
  keeper.disconnect();
  keeper.unref();
}

/** In whatever state it is; nothing where there is none. */
async function down(): Promise<number> {
  const record = readLabRecord();
  if (record !== undefined && isRunning(record.keeper)) await endKeeper(record);
  const removed = removeLeftovers(record?.temporary);
  for (const folder of removed) console.log(`lab: removed ${folder}, which a killed lab had left`);
  removeLabRecord();
  if (record !== undefined) console.log("lab: all of it is removed");
  else if (removed.length === 0) console.log("lab: there is none");
  return 0;
}

async function endKeeper({ keeper }: LabRecord): Promise<void> {
  try {
    await giveOrder(keeperSocket, ["down"]);
  } catch (error) {
    console.log(`lab: ${(error as Error).message}; ending it from outside`);
    process.kill(keeper.pid, "SIGTERM");
  }
  const deadline = systemClock.monotonic() + END_MS;
  while (isRunning(keeper)) {
    if (systemClock.monotonic() > deadline) killProcess(keeper);
    await systemClock.sleep(50);
  }
}

function running(): void {
  const record = readLabRecord();
  if (record === undefined || !isRunning(record.keeper))
    throw new Error(
      `Cannot find a lab${labName === "lab" ? "" : ` named ${labName}`} that runs: "make lab" starts one`,
    );
}

async function status(): Promise<number> {
  running();
  const { user, nodes, losses } = await giveOrder<LabStatus>(keeperSocket, ["status"]);
  console.log(`${nodes.length} hosts, agents run ${user === "root" ? "as root" : "without root"}`);
  for (const { name, address, state, kubeconfig, ingress } of nodes)
    console.log(`  ${name}  ${address.padEnd(10)}  ${state}\n      KUBECONFIG=${kubeconfig}  ingress ${ingress}`);
  for (const { between, percent } of losses)
    console.log(`  h${between.join(" and h")}: ${percent === 100 ? "parted" : `${percent} % lost`}`);
  console.log(`
From this machine, with any kubectl or with psctl:
  export KUBECONFIG=${nodes[0]?.kubeconfig}
  kubectl get nodes
  dist/psctl members
On a host: npm run -s lab -- sh 2. To break it: npm run -s lab -- crash 2; npm run -s lab -- help tells the rest.
It runs until "make lab-down".`);
  return 0;
}

async function shell([number = "", ...command]: readonly string[]): Promise<number> {
  running();
  const { entrance, as, env } = await giveOrder<Door>(keeperSocket, ["door", number]);
  const session = { ...env, TERM: process.env["TERM"] ?? "dumb" };
  const interactive = existsSync("/bin/bash") ? ["bash", "--norc"] : ["sh"];
  const visit = { as, env: session, command: command.length > 0 ? command : interactive };
  const [program = "", ...args] = enterHost(entrance, visit);
  const child = spawn(program, args, { stdio: "inherit" });
  process.on("SIGINT", () => {}); // the shell's own
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

async function logs(number = ""): Promise<number> {
  running();
  const file = await giveOrder<string>(keeperSocket, ["log-file", number]);
  await pipeline(createReadStream(file), process.stdout);
  return 0;
}

async function order(words: readonly string[]): Promise<number> {
  running();
  const [command = "", ...args] = words;
  console.log(await giveOrder<string>(keeperSocket, [command, ...args]));
  return 0;
}

async function main([command = "help", ...args]: readonly string[]): Promise<number> {
  process.chdir(root);
  switch (command) {
    case "up":
      return await up(args);
    case "down":
      return await down();
    case "status":
      return await status();
    case "sh":
      return await shell(args);
    case "logs":
      return await logs(args[0]);
    case "crash":
    case "boot":
    case "cut":
    case "heal":
    case "part":
    case "lose":
    case "mend":
    case "join":
      return await order([command, ...args]);
    default:
      process.stdout.write(HELP);
      return command === "help" ? 0 : 1;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`lab: ${describeError(error)}`);
  process.exitCode = 1;
}
