import type { TestContext } from "node:test";
import type { Objects } from "../../src/api/objects.ts";
import { openRegistry } from "../../src/apiserver/open-registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { openMemoryStore } from "../../src/store/open-memory-store.ts";

/** The real registry over a store in memory, closed with the test. */
export async function localObjects(t: TestContext): Promise<Objects> {
  const store = openMemoryStore();
  t.after(() => store.close());
  const { objects } = openRegistry({ store, clock: systemClock, random: systemRandom });
  await objects.create("Namespace", { metadata: { name: "default" } });
  return objects;
}
