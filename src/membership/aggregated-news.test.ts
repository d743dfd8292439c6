import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../lib/clock.ts";
import { AggregatedNews } from "./aggregated-news.ts";

interface Told {
  readonly item: string;
  readonly count: number;
}

/** News with a clock that is put forward by hand. */
function subject(most = 3): { news: AggregatedNews<string>; told: Told[]; minute: () => void; armed: () => boolean } {
  const told: Told[] = [];
  let due: (() => void) | undefined;
  const clock: Clock = {
    ...systemClock,
    timer: (_ms, callback) => {
      due = callback;
      return () => (due = undefined);
    },
  };
  const tell = (item: string, count: number): void => void told.push({ item, count });
  const options = { keyOf: (item: string) => item, summary: () => "others", most };
  const minute = (): void => {
    const now = due;
    due = undefined;
    now?.();
  };
  return { news: new AggregatedNews({ clock, tell }, options), told, minute, armed: () => due !== undefined };
}

test("something is told at once, then once a while with how often it was", () => {
  const { news, told, minute } = subject();
  for (let time = 0; time < 5; time += 1) news.note("a");
  assert.deepEqual(told, [{ item: "a", count: 1 }]);
  minute();
  assert.deepEqual(told.slice(1), [{ item: "a", count: 4 }]);
});

test("what does not come again is forgotten, and then told at once again; nothing waits meanwhile", () => {
  const { news, told, minute, armed } = subject();
  news.note("a");
  minute();
  assert.equal(news.size, 0);
  assert.equal(armed(), false);
  news.note("a");
  assert.deepEqual(told, [
    { item: "a", count: 1 },
    { item: "a", count: 1 },
  ]);
});

test("more different ones than are remembered are told as one", () => {
  const { news, told, minute } = subject();
  for (let source = 0; source < 10_000; source += 1) news.note(`source ${source}`);
  assert.equal(news.size, 4);
  assert.deepEqual(
    told.map(({ item }) => item),
    ["source 0", "source 1", "source 2", "others"],
  );
  minute();
  assert.deepEqual(told.slice(4), [{ item: "others", count: 9996 }]);
});

test("what is left is told in the end", () => {
  const { news, told, armed } = subject();
  news.note("a");
  news.note("a");
  news.stop();
  assert.deepEqual(told.at(-1), { item: "a", count: 1 });
  assert.equal(armed(), false);
});
