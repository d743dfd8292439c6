import type { Session } from "./session.ts";

export interface CommandFlag {
  readonly name: string;
  readonly short?: string;
  /** `switch` needs no value; `list` may be given many times. */
  readonly type: "switch" | "text" | "list";
  readonly meaning: string;
  readonly placeholder?: string;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** What stands after `--`. */
  readonly rest: readonly string[];
  has(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
}

/** One psctl command. `run` resolves to the process's exit code. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows `psctl NAME` in the usage line. */
  readonly usage: string;
  readonly examples?: readonly string[];
  readonly flags: readonly CommandFlag[];
  /** Words that completion offers in the first place, where they are fixed. */
  readonly words?: readonly string[];
  run(session: Session, args: Arguments): Promise<number>;
}
