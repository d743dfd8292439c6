import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { systemClock } from "../../../src/lib/clock.ts";
import { formatMessage, type Message, type Step } from "./step.ts";
import { STEPS } from "./steps.ts";

/** A file beside the repository, on the same disk, with a pattern that fits the names of the steps to run. */
const ONLY = "/srv/only";

/** Runs every step, whatever fails, and says how each ended. */
async function main(): Promise<void> {
  const only = new RegExp(readFileSync(ONLY, "utf8"));
  for (const step of STEPS.filter(({ name }) => only.test(name))) {
    tell({ type: "begin", name: step.name });
    const start = systemClock.monotonic();
    const code = await run(step);
    tell({ type: "end", name: step.name, code, seconds: (systemClock.monotonic() - start) / 1000 });
  }
  tell({ type: "done" });
}

async function run({ user, command }: Step): Promise<number> {
  // The pinned Node comes first, as with npm's scripts.
  const path = `PATH=${[dirname(process.execPath), "/usr/sbin", "/usr/bin"].join(delimiter)}`;
  const inside = user === "root" ? ["env", path, ...command] : asUser(user, path, command);
  const [program = "", ...args] = inside;
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** By the user's own systemd, as a service that it had started itself. */
function asUser(user: string, path: string, command: readonly string[]): string[] {
  const service = [
    "systemd-run",
    "--user",
    "--pipe",
    "--wait",
    "--quiet",
    "--collect",
    "--same-dir",
    "--service-type=exec",
  ];
  const settings = [`--setenv=${path}`, "--setenv=NO_COLOR=1"];
  return ["runuser", "-u", user, "--", "env", "XDG_RUNTIME_DIR=/run/user/1000", ...service, ...settings, ...command];
}

function tell(message: Message): void {
  process.stdout.write(`${formatMessage(message)}\n`);
}

await main();
