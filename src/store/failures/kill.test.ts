import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { seededRandom, systemRandom } from "../../lib/random.ts";
import { openStore } from "../open-store.ts";
import { spawnModule } from "./spawn-module.ts";
import { writingChild } from "./writing-child.ts";

const ROUNDS = 20;

/** Kills a writing child after a random number of acknowledgements; returns the last one of each key. */
async function killedChild(dataDir: string, round: number, acknowledgements: number): Promise<Map<string, string>> {
  const child = spawnModule(writingChild, [dataDir, String(round)]);
  const acknowledged = new Map<string, string>();
  const exited = once(child, "exit");
  let left = acknowledgements;
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = "", value] = line.split(" ");
    if (value !== undefined) acknowledged.set(key, value);
    if ((left -= 1) === 0) child.kill("SIGKILL");
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return acknowledged;
}

test("kill -9 at any moment loses no acknowledged write", { timeout: 240_000 }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "store-kill-"));
  const seed = Math.floor(systemRandom.next() * 1_000_000);
  const random = seededRandom(seed);
  let lastVersion = 0n;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const acknowledged = await killedChild(dataDir, round, 1 + Math.floor(random.next() * 400));
      const store = await openStore({
        dataDir,
        nodeName: "one",
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
      });
      try {
        for (const [name, value] of acknowledged) {
          const entry = store.get({ resource: "configmaps", namespace: "default", name });
          const [, count = ""] = value.split("-");
          if (!entry) {
            // Every seventh is deleted; the delete, and the create after it, may have been made but not told.
            assert.equal(Number(count) % 7, 6, `seed ${seed}, round ${round}: ${name} ${value} is lost`);
            continue;
          }
          const [writtenRound = "", written = ""] = (entry.object["data"] as { value: string }).value.split("-");
          assert.equal(Number(writtenRound), round);
          assert.ok(
            Number(written) >= Number(count),
            `seed ${seed}, round ${round}: ${name} has ${written}, told ${count}`,
          );
        }
        // Killed at its very first line, the child may have written nothing: then the number stays as it was.
        const version = BigInt(store.resourceVersion);
        assert.ok(
          acknowledged.size > 0 ? version > lastVersion : version >= lastVersion,
          `seed ${seed}, round ${round}`,
        );
        lastVersion = version;
      } finally {
        // An open store would keep a failed test from ending.
        await store.close();
      }
    }
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
