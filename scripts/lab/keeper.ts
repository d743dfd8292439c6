import { tmpdir } from "node:os";
import { identifyProcess } from "../../src/daemon/supervisor/process-identity.ts";
import { describeError } from "../../src/lib/log.ts";
import { Serial } from "../../src/lib/serial.ts";
import type { AgentPlace } from "../../test/support/agent-process.ts";
import { type Order, serveOrders } from "./control.ts";
import { claimLabRecord, keeperSocket, removeLabRecord } from "./lab-record.ts";
import { PlayedLab } from "./played-lab.ts";

/**
 * Holds a lab as long as it is played with; all of it ends with this process. Until the cluster is formed it ends with
 * whoever started it, so that nothing half is left.
 * usage: keeper HOSTS root|unprivileged, in the repository's folder
 */
const [, , hosts = "", user = ""] = process.argv;

/** To who has started this. */
export interface KeeperReport {
  readonly kind: "progress" | "formed" | "failed";
  readonly text: string;
}

function tell(report: KeeperReport): void {
  console.log(report.text);
  if (process.connected) process.send?.(report);
}

let played: PlayedLab | undefined;
let ending: Promise<void> | undefined;

/** Removes everything; the record last, so that whoever waits for that can begin anew. */
function end(): Promise<void> {
  ending ??= (async () => {
    await played?.stop();
    removeLabRecord();
  })();
  return ending;
}

function endAndExit(code: number): void {
  end().then(
    () => process.exit(code),
    (error: unknown) => {
      console.error(`Cannot end the lab: ${describeError(error)}`);
      process.exit(1);
    },
  );
}

/** Each finds the lab as the one before has left it. */
const orders = new Serial();

async function obey(order: Order): Promise<unknown> {
  if (order[0] === "down") {
    await end();
    setImmediate(() => setImmediate(() => process.exit(0))); // the answer goes out first
    return "";
  }
  if (played === undefined) throw new Error("Cannot do this yet: the lab is only starting");
  const lab = played;
  return await orders.run(() => lab.obey(order));
}

async function main(): Promise<void> {
  const keeper = identifyProcess(process.pid);
  if (keeper === undefined || !claimLabRecord({ keeper, temporary: tmpdir() })) {
    return tell({ kind: "failed", text: "another one is starting" });
  }
  let formed = false;
  process.on("disconnect", () => {
    if (!formed) endAndExit(1);
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => endAndExit(0));
  try {
    await serveOrders(keeperSocket, obey);
    const lab = await PlayedLab.start({ hosts: Number(hosts), user: user as AgentPlace["user"] });
    played = lab;
    // Who asked for the end meanwhile has ended nothing of it.
    if (ending !== undefined) return await lab.stop();
    await lab.form((text) => tell({ kind: "progress", text }));
    formed = true;
    tell({ kind: "formed", text: "formed" });
  } catch (error) {
    if (ending !== undefined) return;
    tell({ kind: "failed", text: describeError(error) });
    await end();
    process.exitCode = 1;
    process.exit();
  }
}

await main();
