import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Change } from "./disk.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface LazyFlushDeps {
  readonly commits: GroupCommit;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DELAY_MS = 1000;
/** While the disk refuses, older changes are forgotten: they are of the kind that expires. */
const LIMIT = 8192;

/** Takes to the disk, within a second, what was acknowledged from memory. */
export class LazyFlush {
  readonly #deps: LazyFlushDeps;
  #changes: Change[] = [];
  #underWay = 0;
  #timer: (() => void) | undefined;

  constructor(deps: LazyFlushDeps) {
    this.#deps = deps;
  }

  /** Whether something is in memory only. */
  get behind(): boolean {
    return this.#changes.length > 0 || this.#underWay > 0;
  }

  add(changes: readonly Change[]): void {
    this.#changes.push(...changes);
    if (this.#changes.length > LIMIT) this.#changes.splice(0, this.#changes.length - LIMIT / 2);
    this.#timer ??= this.#deps.clock.timer(DELAY_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.();
    this.#timer = undefined;
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    this.#underWay += 1;
    this.#deps.commits.add({
      changes,
      committed: () => {
        this.#underWay -= 1;
      },
      failed: (error) => {
        this.#underWay -= 1;
        this.#deps.logger.warn("cannot flush events and heartbeats to the disk", { error, changes: changes.length });
        this.#changes.unshift(...changes);
        this.add([]);
      },
    });
  }
}
