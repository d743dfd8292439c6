/**
 * Runs the system's own tools (`nft`, `ip`, `conntrack`) in the network namespace of the pods. Guarantees: no shell is
 * involved, arguments are passed as they are; a program that fails rejects with `ProgramError`.
 */
export interface Kernel {
  /** Resolves with the program's standard output. */
  run(command: readonly [string, ...string[]], options?: { input?: string; signal?: AbortSignal }): Promise<string>;
  /** A way to isolate all ports of a bridge that needs no program; false where it cannot be gone. */
  isolatePorts?(bridge: string): boolean;
  /** Whether an interface is there and works: a look that needs no program, where there is one. */
  seesLink?(name: string): boolean;
}
