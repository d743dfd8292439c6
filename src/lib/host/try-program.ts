import { deadline } from "../deadline.ts";
import { ProgramError, type RunOptions, runProgram } from "./run-program.ts";

export interface ProgramOutcome {
  /** 127 when the program is not installed, 137 when it was ended by a signal or the deadline. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program whose failure is an answer and not an error. Ended after `timeoutMs`, 10 s by default. */
export async function tryProgram(
  argv: readonly [string, ...string[]],
  { timeoutMs = 10_000, signal, ...options }: RunOptions & { timeoutMs?: number; signal: AbortSignal },
): Promise<ProgramOutcome> {
  using limit = deadline(timeoutMs, signal);
  try {
    return { code: 0, stdout: await runProgram(argv, { ...options, signal: limit.signal }), stderr: "" };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.passed) return { code: 137, stdout: "", stderr: `${argv[0]} did not end within ${timeoutMs} ms` };
    if (!(error instanceof ProgramError)) throw error;
    const missing = (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    return { code: missing ? 127 : (error.exitCode ?? 137), stdout: "", stderr: error.stderr };
  }
}
