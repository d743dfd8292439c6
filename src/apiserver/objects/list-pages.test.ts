import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason } from "../../api/api-error.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import type { Entry } from "../../store/port.ts";
import { ListPages } from "./list-pages.ts";

const entry = (namespace: string, name: string): Entry =>
  ({
    key: { resource: "pods", namespace, name },
    uid: "",
    resourceVersion: "1",
    object: {},
    json: () => Buffer.alloc(0),
  }) as unknown as Entry;
const names = (entries: readonly Entry[]) => entries.map(({ key }) => `${key.namespace}/${key.name}`);

test("a token that is too old gives 410 and another token that goes on with what is there now", () => {
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => now };
  const pages = new ListPages({ clock, random: seededRandom(1) });
  let entries = [entry("a", "x"), entry("a", "y"), entry("b", "a")];
  const current = () => ({ entries, resourceVersion: "7" });
  const first = pages.page(current, { limit: 1, token: undefined });
  assert.deepEqual([names(first.entries), first.remaining], [["a/x"], 2]);
  now = 5 * 60_000 + 1;
  entries = [entry("a", "x"), entry("a", "xx"), entry("b", "a")];
  let again = "";
  assert.throws(
    () => pages.page(current, { limit: 1, token: first.continue }),
    (error) => {
      assert.ok(isReason(error, "Expired"));
      again = (error.toStatus().metadata as { continue: string }).continue;
      return true;
    },
  );
  const rest = pages.page(current, { limit: 0, token: again });
  assert.deepEqual([names(rest.entries), rest.continue], [["a/xx", "b/a"], undefined]);
});

test("a token that nobody gave out is refused", () => {
  const pages = new ListPages({ clock: systemClock, random: seededRandom(1) });
  for (const token of ["", "x", Buffer.from("{}").toString("base64url")]) {
    assert.throws(
      () => pages.page(() => ({ entries: [], resourceVersion: "1" }), { limit: 1, token }),
      (error) => isReason(error, "BadRequest"),
    );
  }
});
