import { type Clock, systemClock } from "../lib/clock.ts";
import { type Logger, silentLogger } from "../lib/log.ts";
import { type Random, systemRandom } from "../lib/random.ts";
import { MemoryDisk } from "./disk/memory-disk.ts";
import { ObjectStore, type ObjectStoreOptions } from "./object-store.ts";

export interface MemoryStoreDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** A random one by default. */
  readonly replica?: string;
}

/** A store that forgets with the process, for tests and simulations: the same code on a disk that does nothing. */
export function openMemoryStore(deps: MemoryStoreDeps = {}, options: ObjectStoreOptions = {}): ObjectStore {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = deps;
  const incarnation = 1 + Math.floor(random.next() * 0xffff);
  const { replica = String(incarnation) } = deps;
  return new ObjectStore({ disk: new MemoryDisk(incarnation), clock, random, logger, replica }, options);
}
