import { type ChildProcess, spawn } from "node:child_process";
import { systemClock } from "../clock.ts";

export interface RunOptions {
  /** Written to standard input, which is closed afterwards. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Kills the program. */
  signal?: AbortSignal;
  /**
   * How long a program that the signal killed may take to end, in milliseconds: so long it is waited for, and then killed
   * for good. By default its end is not waited for.
   */
  endsWithinMs?: number;
}

/** A program that could not be started or that failed. */
export class ProgramError extends Error {
  readonly program: string;
  /** Undefined when it did not end by itself. */
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(program: string, why: { exitCode?: number | undefined; stderr: string; text: string; cause?: unknown }) {
    super(`Cannot run ${program}: ${why.text}`, why.cause === undefined ? {} : { cause: why.cause });
    this.name = "ProgramError";
    this.program = program;
    this.exitCode = why.exitCode;
    this.stderr = why.stderr;
  }
}

/** The places that hold system tools even where a user's PATH leaves them out, as Debian's does. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin";

/**
 * Runs a program without a shell and resolves with its standard output. Rejects with `ProgramError`, whose message ends
 * with the first lines of what the program printed. Nothing secret may be in `args`: others see them.
 */
export function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  { input, env = process.env, signal, endsWithinMs }: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const path = env["PATH"] === undefined ? `/usr/bin:/bin:${SYSTEM_PATH}` : `${env["PATH"]}:${SYSTEM_PATH}`;
    const child = spawn(program, args, {
      env: { ...env, PATH: path, LC_ALL: "C" },
      stdio: ["pipe", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // A program that ends without reading its input (EPIPE) tells why by its exit.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const text = cause.code === "ENOENT" ? "it is not installed" : cause.message;
      const why: unknown = signal?.aborted ? signal.reason : new ProgramError(program, { stderr, text, cause });
      if (endsWithinMs === undefined || child.pid === undefined) reject(why);
      else afterEnd(child, endsWithinMs, () => reject(why));
    });
    child.once("close", (code, killed) => {
      if (code === 0) resolve(stdout);
      else {
        const said = stderr.trim().split("\n").slice(0, 4).join("; ");
        const text = said === "" ? (killed === null ? `exit code ${code}` : `signal ${killed}`) : said;
        reject(new ProgramError(program, { exitCode: code ?? undefined, stderr, text }));
      }
    });
  });
}

function afterEnd(child: ChildProcess, withinMs: number, proceed: () => void): void {
  const cancel = systemClock.timer(withinMs, () => {
    child.kill("SIGKILL");
    proceed();
  });
  // Not its "close": what it started in turn may hold its output open.
  child.once("exit", () => {
    cancel();
    proceed();
  });
}
