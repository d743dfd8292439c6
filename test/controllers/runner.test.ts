import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ApiError } from "../../src/api/api-error.ts";
import type { Objects } from "../../src/api/objects.ts";
import { ClusterView } from "../../src/controllers/cluster-view.ts";
import {
  ALWAYS_HOME,
  create,
  targetOf,
  update,
  type Controller,
  type Homes,
  type Plan,
  type Target,
} from "../../src/controllers/controller.ts";
import { ControllerRunner, type RunnerOptions } from "../../src/controllers/runner.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createLogger } from "../../src/lib/log.ts";
import { eventually } from "../poll.ts";
import { localObjects } from "./local-objects.ts";

interface Run {
  readonly lines: string[];
  readonly events: string[];
  readonly outcomes: string[];
  readonly runner: ControllerRunner;
}

function run(
  t: TestContext,
  { objects, controller, homes = ALWAYS_HOME }: { objects: Objects; controller: Controller; homes?: Homes },
  options: RunnerOptions = {},
): Run {
  const lines: string[] = [];
  const events: string[] = [];
  const outcomes: string[] = [];
  const runner = new ControllerRunner(
    {
      objects,
      view: new ClusterView({ objects }),
      homes,
      recorder: () => ({ record: ({ message }) => void events.push(message) }),
      clock: systemClock,
      logger: createLogger({ level: "warn", format: "json", write: (line) => void lines.push(line) }),
      metrics: { reconciled: (_, outcome) => void outcomes.push(outcome), depth: () => {} },
      controllers: [controller],
    },
    options,
  );
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  return { lines, events, outcomes, runner };
}

function configMaps(objects: Objects, decide: (target: Target) => Plan | Promise<Plan>): Controller {
  return {
    name: "test",
    watches: [{ kind: "ConfigMap", targets: ({ object }) => [targetOf("ConfigMap", object)] }],
    all: () => objects.list("ConfigMap").map((object) => targetOf("ConfigMap", object)),
    decide,
  };
}

const map = (name: string) => ({ metadata: { name, namespace: "default" } });

test("many changes of one target are few looks, one at a time", async (t) => {
  const objects = await localObjects(t);
  let looks = 0;
  let active = 0;
  let most = 0;
  const controller = configMaps(objects, async () => {
    looks += 1;
    active += 1;
    most = Math.max(most, active);
    await systemClock.sleep(20);
    active -= 1;
    return { stages: [] };
  });
  const { runner } = run(t, { objects, controller });
  let current = await objects.create("ConfigMap", map("a"));
  for (let number = 0; number < 20; number++) {
    current = await objects.update("ConfigMap", { ...current, data: { number: String(number) } });
  }
  await eventually(() => runner.idle);
  assert.equal(most, 1);
  assert.ok(looks >= 1 && looks < 15, `${looks} looks`);
});

test("a failure is logged and tried again; a conflict, or what is just gone, is only tried again", async (t) => {
  const objects = await localObjects(t);
  let looks = 0;
  const controller = configMaps(objects, () => {
    looks += 1;
    if (looks === 1) throw new ApiError("Conflict", "somebody was faster");
    if (looks === 2) throw new ApiError("NotFound", "it was deleted meanwhile");
    if (looks === 3) throw new Error("Cannot reach the thing: it is gone");
    return { stages: [] };
  });
  const { lines, outcomes } = run(t, { objects, controller });
  await objects.create("ConfigMap", map("a"));
  await eventually(() => outcomes.length === 4);
  assert.deepEqual(outcomes, ["conflict", "conflict", "error", "ok"]);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /ConfigMap\/default\/a.*Cannot reach the thing/);
});

test("what cannot be made in a namespace that is being deleted is neither logged nor tried again", async (t) => {
  const objects = await localObjects(t);
  const { metadata } = await objects.create("Namespace", { metadata: { name: "leaving" } });
  await objects.delete("Namespace", { name: "leaving", uid: metadata?.uid ?? "" });
  const controller = configMaps(objects, () => ({
    stages: [[create("ConfigMap", { metadata: { name: "b", namespace: "leaving" } })]],
  }));
  const { lines, outcomes, runner } = run(t, { objects, controller });
  await objects.create("ConfigMap", map("a"));
  await eventually(() => outcomes.length > 0 && runner.idle);
  assert.deepEqual(outcomes, ["ok"]);
  assert.deepEqual(lines, []);
});

test("a stage that fails keeps its Events back, and the later stages are still tried", async (t) => {
  const objects = await localObjects(t);
  const regarding = { kind: "ConfigMap", name: "a" };
  const controller = configMaps(objects, ({ name }) =>
    name === "a"
      ? {
          stages: [
            [update("ConfigMap", { metadata: { name: "missing", namespace: "default" } })],
            [create("ConfigMap", map("b"))],
          ],
          events: [{ regarding, type: "Normal", reason: "Done", message: "done" }],
        }
      : { stages: [] },
  );
  const { events, outcomes } = run(t, { objects, controller });
  await objects.create("ConfigMap", map("a"));
  await eventually(() => objects.get("ConfigMap", { namespace: "default", name: "b" }) !== undefined);
  await eventually(() => outcomes.includes("error"));
  assert.deepEqual(events, []);
});

test("creates begin slowly and stop at the first batch that fails", async (t) => {
  const objects = await localObjects(t);
  let failed = 0;
  let once = true;
  const bad = { metadata: { name: "Not A Name", namespace: "default" } };
  const controller: Controller = {
    ...configMaps(objects, ({ name }) => {
      if (name !== "a" || !once) return { stages: [] };
      once = false;
      return { stages: [Array.from({ length: 50 }, () => create("ConfigMap", bad))] };
    }),
    failed: () => void (failed += 1),
  };
  const { outcomes } = run(t, { objects, controller });
  await objects.create("ConfigMap", map("a"));
  await eventually(() => outcomes.includes("error"));
  assert.equal(failed, 1);
});

test("only a home decides, and only after it has settled", async (t) => {
  const objects = await localObjects(t);
  let home = false;
  let tell = (): void => {};
  const homes: Homes = { isHome: () => home, changed: (listener) => void (tell = listener) };
  const looks: number[] = [];
  const controller = configMaps(objects, () => {
    looks.push(systemClock.monotonic());
    return { stages: [] };
  });
  const { runner } = run(t, { objects, controller, homes }, { settleMs: 100 });
  await objects.create("ConfigMap", map("a"));
  await eventually(() => runner.idle);
  assert.deepEqual(looks, []);
  home = true;
  const at = systemClock.monotonic();
  tell();
  await eventually(() => looks.length === 1);
  assert.ok((looks[0] ?? 0) - at >= 95, "looked before it had settled");
});
