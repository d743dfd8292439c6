import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Clock, systemClock } from "./clock.ts";

/** Long enough for a start to be over; nothing waits for it. */
const SETTLED_MS = 15_000;

/**
 * Gives memory back, once, that only the start of this thread needed. V8 would do so when it wants the room for something
 * else, and a thread with little to do never does: some megabytes of each thread were such garbage. Takes some ten
 * milliseconds of this thread.
 */
export function collectAfterStart({ clock = systemClock }: { clock?: Clock } = {}): void {
  clock.timer(SETTLED_MS, () => {
    // There is no other way to ask for it but a flag, which only contexts made after it know.
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    setFlagsFromString("--no-expose-gc");
    collect();
  });
}
