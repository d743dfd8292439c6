import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { countTests } from "../../scripts/tests/tally.ts";
import { root } from "../../scripts/root.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { describeError } from "../../src/lib/log.ts";
import { systemImage } from "./disk-image.ts";
import { parseMessage, type StepEnd } from "./guest/step.ts";
import { repositoryDisk } from "./repository-disk.ts";
import { KEPT, scratchFolder } from "./scratch-folder.ts";
import { VirtualMachine } from "./virtual-machine.ts";

/** From the boot to the end. */
const DEADLINE_MS = 90 * 60_000;

/** What the kernel and systemd of the last machine said. */
const CONSOLE = join(KEPT, "console.log");

interface EndedStep extends StepEnd {
  readonly passed: number;
  readonly failed: number;
}

/** Reads the lines of a virtual machine: prints them and counts tests. */
class Listener {
  readonly steps: EndedStep[] = [];
  done = false;
  #output = "";

  readonly take = (line: string): void => {
    const message = parseMessage(line);
    if (message === undefined) {
      this.#output += `${line}\n`;
      console.log(line);
    } else if (message.type === "begin") {
      this.#output = "";
      console.log(`\n== ${message.name}`);
    } else if (message.type === "end") {
      this.steps.push({ ...message, ...countTests(this.#output, message.code) });
    } else {
      this.done = true;
    }
  };
}

async function main(): Promise<number> {
  const { only = "" } = parseArgs({ options: { only: { type: "string" } } }).values;
  const start = systemClock.monotonic();
  const listener = new Listener();
  const scratch = scratchFolder();
  try {
    const image = systemImage(scratch);
    const disk = repositoryDisk(scratch, { only });
    console.log(`vm: booting; its console is in ${relative(root, CONSOLE)}`);
    await untilEnd(new VirtualMachine({ image, disk, console: CONSOLE, onLine: listener.take }));
  } catch (error) {
    console.error(`vm: ${describeError(error)}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return report(listener, (systemClock.monotonic() - start) / 1000);
}

async function untilEnd(machine: VirtualMachine): Promise<void> {
  const stop = (): void => machine.kill();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.once(signal, stop);
  const cancel = systemClock.timer(DEADLINE_MS, () => {
    console.error(`vm: not done after ${DEADLINE_MS / 60_000} minutes: ended`);
    stop();
  });
  try {
    await machine.ended();
  } finally {
    cancel();
    for (const signal of signals) process.removeListener(signal, stop);
  }
}

function report({ steps, done }: Listener, seconds: number): number {
  console.log("");
  for (const step of steps) {
    console.log(
      `${step.seconds.toFixed(0).padStart(5)} s inside  ${step.passed} passed, ${step.failed} failed  ${step.name}`,
    );
  }
  const unfinished = done && steps.length > 0 ? 0 : 1;
  if (unfinished) console.error("vm: the virtual machine ended before its tests did");
  const passed = steps.reduce((sum, step) => sum + step.passed, 0);
  const failed = steps.reduce((sum, step) => sum + step.failed, unfinished);
  console.log(`\nvm: ${seconds.toFixed(0)} s\n${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
