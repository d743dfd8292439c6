import type { Clock } from "../../lib/clock.ts";

/** Whoever takes no step for so long has broken off: a step waits some 25 s for a member at most. */
const BROKEN_OFF_MS = 30_000;

/**
 * Which member is replacing the gossip key now, as far as this one knows. Two at once would each leave the other's key
 * good, and with it a node that only one of them has left out.
 */
export class RotationTurn {
  readonly #clock: Clock;
  #holder: string | undefined;
  #lastStep: number;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#lastStep = clock.monotonic();
  }

  /** For a step. Undefined when it is that member's turn from now on, else whose turn it is. */
  take(nodeName: string): string | undefined {
    if (this.#holder !== undefined && this.#holder !== nodeName && this.idleMs < BROKEN_OFF_MS) return this.#holder;
    this.#holder = nodeName;
    this.#lastStep = this.#clock.monotonic();
    return undefined;
  }

  /** This member's last step. Nothing where it is another's turn. */
  end(nodeName: string): void {
    if (this.#holder !== nodeName) return;
    this.#holder = undefined;
    this.#lastStep = this.#clock.monotonic();
  }

  /** Something of a rotation has come from elsewhere than its steps. */
  seen(): void {
    this.#lastStep = this.#clock.monotonic();
  }

  /** How long there has been no step, in milliseconds. */
  get idleMs(): number {
    return this.#clock.monotonic() - this.#lastStep;
  }
}
