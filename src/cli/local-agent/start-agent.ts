import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../lib/clock.ts";
import { runProgram } from "../../lib/host/run-program.ts";
import { tryProgram } from "../../lib/host/try-program.ts";
import { reasonIn } from "./reason-in.ts";
import { UNIT, unitText } from "./systemd-unit.ts";

export interface AgentStart {
  /** The program and its flags. */
  readonly words: readonly [string, ...string[]];
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** An agent that psctl has started, and that lives on without it. */
export interface StartedAgent {
  /** How it runs, how to stop it, and what starts it again: a sentence each. */
  readonly told: readonly string[];
  /** Where its log is read. */
  readonly log: string;
  /** Why it has ended, after which nothing starts it again; undefined while it runs. */
  ended(): Promise<string | undefined>;
}

/** Starts the agent as a unit where systemd is there, in the background elsewhere; always as the user of psctl. */
export async function startAgent(start: AgentStart): Promise<StartedAgent> {
  return (await hasSystemd(start)) ? await startUnit(start) : startInBackground(start);
}

/** The words that stop an agent which runs, as this user would. */
export function stopWords({ pid }: { readonly pid: number }): string {
  const { uid } = userInfo();
  if (!existsSync(unitFile(process.env))) return `kill ${pid}`;
  return uid === 0 ? `systemctl disable --now ${UNIT}` : `systemctl --user disable --now ${UNIT}`;
}

/** Whether there is a service manager for this user: root's is the system's. */
async function hasSystemd({ env, signal }: AgentStart): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return false;
  if (userInfo().uid === 0) return true;
  return (await tryProgram(["systemctl", "--user", "show-environment"], { env, signal })).code === 0;
}

function unitFile(env: NodeJS.ProcessEnv): string {
  if (userInfo().uid === 0) return join("/etc/systemd/system", UNIT);
  return join(env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "systemd/user", UNIT);
}

const LINGERS = "It runs without this user being logged in (loginctl disable-linger changes that).";
const DOES_NOT_LINGER =
  "It ends when this user logs out, until root lets it run on: loginctl enable-linger with this user's name.";
/** A log of the background is not rotated by anybody else. */
const LONGEST_LOG_BYTES = 16 * 1024 * 1024;

async function startUnit({ words, env, signal }: AgentStart): Promise<StartedAgent> {
  const rootless = userInfo().uid !== 0;
  const user = rootless ? ["--user"] : [];
  const systemctl = ["systemctl", ...user] as [string, ...string[]];
  const file = unitFile(env);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, unitText(words, { rootless, env }), { mode: 0o644 });
  const since = Math.floor(systemClock.now() / 1000);
  await runProgram([...systemctl, "daemon-reload"], { env, signal });
  await runProgram([...systemctl, "reset-failed", UNIT], { env, signal }).catch(() => {}); // where it never failed
  await runProgram([...systemctl, "enable", UNIT], { env, signal });
  await runProgram([...systemctl, "restart", UNIT], { env, signal });
  const lingers = !rootless || (await tryProgram(["loginctl", "enable-linger"], { env, signal })).code === 0;
  const log = `journalctl ${rootless ? "--user " : ""}-u ${UNIT}`;
  return {
    told: [
      `The agent runs as the unit ${UNIT}, which starts it again after a reboot.`,
      ...(rootless ? [lingers ? LINGERS : DOES_NOT_LINGER] : []),
      `${systemctl.join(" ")} stop ${UNIT} stops it; its flags are in ${file}.`,
    ],
    log,
    ended: async () => {
      const show = [...systemctl, "show", "--property=ActiveState,NRestarts", UNIT] as const;
      const { stdout } = await tryProgram([...show], { env, signal });
      // One that is started again and again does not run either.
      if (!/^ActiveState=(failed|inactive)$|^NRestarts=[1-9]/m.test(stdout)) return undefined;
      const lines = ["-o", "cat", "-n", "40", `--since=@${since}`];
      const told = await tryProgram(["journalctl", ...user, "-u", UNIT, ...lines], { env, signal });
      await runProgram([...systemctl, "disable", "--now", UNIT], { env, signal });
      return reasonIn(told.stdout) || `nothing that could be read; see ${log}`;
    },
  };
}

function startInBackground({ words, dataDir, env }: AgentStart): StartedAgent {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const log = join(dataDir, "agent.log");
  if (existsSync(log) && statSync(log).size > LONGEST_LOG_BYTES) renameSync(log, `${log}.1`);
  const file = openSync(log, "a", 0o600);
  chmodSync(log, 0o600);
  const from = statSync(log).size;
  const [program, ...flags] = words;
  // A session of its own: the terminal's end is not the agent's.
  const child = spawn(program, flags, { detached: true, stdio: ["ignore", file, file], env, cwd: "/" });
  closeSync(file);
  let end: string | undefined;
  child.once("error", (error) => (end = error.message));
  child.once("exit", (code, killed) => (end = killed === null ? `exit code ${code}` : `signal ${killed}`));
  child.unref();
  return {
    told: [
      `The agent runs in the background with pid ${child.pid}; there is no systemd that would start it after a reboot: psctl init does.`,
      `kill ${child.pid} stops it; it is started with: ${words.join(" ")}`,
    ],
    log,
    ended: () => {
      if (end === undefined) return Promise.resolve(undefined);
      const said = reasonIn(readFileSync(log).subarray(from).toString("utf8"));
      return Promise.resolve(said === "" ? end : said);
    },
  };
}
