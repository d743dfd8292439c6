import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason } from "../api/api-error.ts";
import { pod, podKey, testStore } from "./store.contract.ts";
import { openMemoryStore } from "./open-memory-store.ts";

testStore("memory", {
  open: async (options) => {
    const store = openMemoryStore({}, options);
    return { store, close: () => store.close() };
  },
});

test("a watch from before the bounded log is refused with Expired", async () => {
  const store = openMemoryStore({}, { logLength: 4 });
  const start = store.resourceVersion;
  for (let index = 0; index < 9; index += 1) await store.create(podKey(`p${index}`), pod(`p${index}`));
  const { signal } = new AbortController();
  assert.throws(
    () => store.watch("pods", start, () => {}, signal),
    (error) => isReason(error, "Expired"),
  );
  await store.close();
  await assert.rejects(store.create(podKey("late"), pod("late")), (error) => isReason(error, "ServiceUnavailable"));
});
