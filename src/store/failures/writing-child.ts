import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { openStore } from "../open-store.ts";
import type { Store } from "../port.ts";

/** This module, for `spawnModule`. */
export const writingChild = import.meta.url;

/**
 * What a process that is made to be killed does: writes without end and prints "KEY VALUE" for each write once it is
 * acknowledged.
 *
 * @public called by `spawnModule`
 */
export async function main([dataDir = "", round = "0"]: readonly string[]): Promise<void> {
  const store = await openStore({
    dataDir,
    nodeName: "one",
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  process.stdout.write("ready\n");
  await Promise.all(Array.from({ length: 8 }, (_, writer) => write(store, writer, round)));
}

async function write(store: Store, writer: number, round: string): Promise<never> {
  const name = `writer-${writer}`;
  const key = { resource: "configmaps", namespace: "default", name };
  for (let count = 0; ; count += 1) {
    const value = `${round}-${count}`;
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } };
    if (store.get(key)) await store.update(key, object, { register: "main" });
    else await store.create(key, object);
    process.stdout.write(`${name} ${value}\n`);
    if (count % 7 === 6) await store.delete(key);
  }
}
