import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Arrival } from "../arrivals/arrival-numbers.ts";
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
  readonly #underWay = new Set<readonly Change[]>();
  /** For each resource, the latest change that never came to the disk. */
  readonly #forgotten = new Map<string, Arrival>();
  #timer: (() => void) | undefined;

  constructor(deps: LazyFlushDeps) {
    this.#deps = deps;
  }

  /** Whether the disk lacks a change of the resource after `after` and up to `upTo`. */
  lacks(resource: string, { after, upTo }: { readonly after: Arrival; readonly upTo: Arrival }): boolean {
    if ((this.#forgotten.get(resource) ?? 0) > after) return true;
    const waits = ({ key, arrival }: Change): boolean =>
      key.resource === resource && arrival > after && arrival <= upTo;
    return this.#changes.some(waits) || [...this.#underWay].some((changes) => changes.some(waits));
  }

  add(changes: readonly Change[]): void {
    this.#changes.push(...changes);
    if (this.#changes.length > LIMIT) {
      for (const { key, arrival } of this.#changes.splice(0, this.#changes.length - LIMIT / 2)) {
        this.#forgotten.set(key.resource, Math.max(arrival, this.#forgotten.get(key.resource) ?? 0));
      }
    }
    this.#timer ??= this.#deps.clock.timer(DELAY_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.();
    this.#timer = undefined;
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    this.#underWay.add(changes);
    this.#deps.commits.add({
      changes,
      committed: () => void this.#underWay.delete(changes),
      failed: (error) => {
        this.#underWay.delete(changes);
        this.#deps.logger.warn("cannot flush events and heartbeats to the disk", { error, changes: changes.length });
        this.#changes.unshift(...changes);
        this.add([]);
      },
    });
  }
}
