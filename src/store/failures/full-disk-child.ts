import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isReason } from "../../api/api-error.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { openStore } from "../open-store.ts";

/** This module, for `spawnModule`. */
export const fullDiskChild = import.meta.url;

/**
 * Runs on a small file system of its own: fills it, writes, makes room, writes. Prints what it saw as JSON.
 *
 * @public called by `spawnModule`
 */
export async function main([directory = ""]: readonly string[]): Promise<void> {
  const deps = {
    dataDir: join(directory, "data"),
    nodeName: "one",
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  };
  const store = await openStore(deps);
  const create = async (name: string): Promise<string> => {
    const data = { text: "x".repeat(20_000) };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
    try {
      await store.create({ resource: "configmaps", namespace: "default", name }, object);
      return "ok";
    } catch (error) {
      return isReason(error, "ServiceUnavailable") ? "ServiceUnavailable" : String(error);
    }
  };
  const before = await create("before");
  fill(join(directory, "ballast"));
  const full = await Promise.all([create("full-1"), create("full-2")]);
  const event = await store.create(
    { resource: "events", namespace: "default", name: "e" },
    { apiVersion: "v1", kind: "Event", metadata: {} },
  );
  const readable = store.list("configmaps").entries.map(({ key }) => key.name);
  const backup = await store.backup().then(
    () => "ok",
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  rmSync(join(directory, "ballast"));
  const room = [await create("full-1"), await create("after")];
  await store.close();
  const again = await openStore(deps);
  const kept = [...again.list("configmaps").entries, ...again.list("events").entries].map(({ key }) => key.name);
  await again.close();
  process.stdout.write(`${JSON.stringify({ before, full, event: event.key.name, readable, backup, room, kept })}\n`);
}

function fill(file: string): void {
  writeFileSync(file, "");
  for (let size = 65_536; size >= 512;) {
    try {
      appendFileSync(file, Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      size /= 2;
    }
  }
}
