import assert from "node:assert/strict";
import { test } from "node:test";
import { Serial } from "./serial.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Works that tell when they begin, and end when told to. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const work = (name: string) => () => {
    begun.push(name);
    const end = Promise.withResolvers<string>();
    ends.set(name, end);
    return end.promise;
  };
  return { begun, work, end: (name: string) => ends.get(name) ?? assert.fail(`${name} has not begun`) };
}

test("one begins when the one before has ended, and each gives its own result", async () => {
  const serial = new Serial();
  const { begun, work, end } = works();
  const all = ["one", "two", "three"].map((name) => serial.run(work(name)));
  for (const name of ["one", "two", "three"]) {
    await turn();
    assert.equal(begun.at(-1), name);
    end(name).resolve(`${name} is done`);
  }
  assert.deepEqual(await Promise.all(all), ["one is done", "two is done", "three is done"]);
});

test("a failure is its caller's, and the next one goes on", async () => {
  const serial = new Serial();
  const failing = serial.run(() => Promise.reject(new Error("no disk")));
  const next = serial.run(() => Promise.resolve("went on"));
  await assert.rejects(failing, /no disk/);
  assert.equal(await next, "went on");
});

test("works of different keys do not wait for one another", async () => {
  const serial = new Serial();
  const { begun, work, end } = works();
  const all = [serial.run(work("a1"), "a"), serial.run(work("a2"), "a"), serial.run(work("b1"), "b")];
  await turn();
  assert.deepEqual(begun, ["a1", "b1"]);
  end("a1").resolve("");
  await turn();
  assert.deepEqual(begun, ["a1", "b1", "a2"]);
  for (const name of ["a2", "b1"]) end(name).resolve("");
  await Promise.all(all);
});
