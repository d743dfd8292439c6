import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/kinds.ts";
import type { ObservedContainer, ObservedSandbox } from "../runtime-port.ts";
import { adopt } from "./adopt.ts";
import { newPodState, type Termination } from "./pod-state.ts";

const running = { name: "a", image: "i", imageID: "x", ready: true, started: true, restartCount: 2 };
const pod = {
  metadata: { name: "p", uid: "u" },
  spec: { containers: [{ name: "a" }] },
  status: {
    podIP: "10.0.0.9",
    conditions: [{ type: "Initialized", status: "True" }],
    containerStatuses: [
      { ...running, containerID: "podman://c2", state: { running: { startedAt: "2026-01-01T00:00:00Z" } } },
    ],
  },
} as unknown as Pod;

const container: ObservedContainer = {
  id: "c2",
  name: "a",
  attempt: 2,
  specHash: "",
  imageId: "x",
  state: "running",
  startedAt: 5,
};

function sandbox(containers: readonly ObservedContainer[], alive = true): ObservedSandbox {
  return { id: "s", pod: { uid: "u", namespace: "n", name: "p" }, attempt: 1, running: alive, containers };
}

function adopted(sandboxes: readonly ObservedSandbox[], exits: readonly Termination[] = []) {
  const state = newPodState(pod);
  const known = new Map(exits.map((end) => [end.containerId, end]));
  const leftovers = adopt(pod, state, { sandboxes, exits: known, now: 1_800_000_000_000 });
  const [one] = state.containers;
  assert.ok(one);
  return { state, one, leftovers };
}

test("a container that still runs is taken over as it is", () => {
  const { state, one, leftovers } = adopted([sandbox([container])]);
  assert.equal(one.id, "c2");
  assert.equal(one.runningSince, Date.parse("2026-01-01T00:00:00Z"));
  assert.equal(one.attempts, 3);
  assert.ok(one.ready && one.started && state.initialized && state.sandboxAlive);
  assert.deepEqual(leftovers, { sandboxes: [], containers: [] });
});

const PROBE = { tcpSocket: { port: 80 } };
const CUT_OFF = [
  { probes: {}, started: true, ready: true },
  { probes: { readinessProbe: PROBE }, started: true, ready: false },
  { probes: { startupProbe: PROBE }, started: false, ready: false },
] as const;

for (const { probes, started, ready } of CUT_OFF) {
  const names = Object.keys(probes).join() || "no probe";
  test(`a container with ${names} that was started just before the agent was killed is taken over`, () => {
    const state = newPodState(pod);
    const cutOff = { ...pod, spec: { containers: [{ name: "a", ...probes }] }, status: {} } as unknown as Pod;
    adopt(cutOff, state, { sandboxes: [sandbox([container])], exits: new Map(), now: 1_800_000_000_000 });
    const [one] = state.containers;
    assert.deepEqual({ started: one?.started, ready: one?.ready }, { started, ready });
  });
}

test("after a restart of the host a container that ran has ended in a way that nobody knows", () => {
  const { one, leftovers } = adopted([sandbox([{ ...container, state: "created" }], false)]);
  assert.equal(one.ended?.exitCode, 137);
  assert.equal(one.ended?.reason, "ContainerStatusUnknown");
  assert.equal(one.ended?.startedAt, Date.parse("2026-01-01T00:00:00Z"));
  assert.equal(one.runningSince, undefined);
  assert.deepEqual(leftovers.containers, ["c2"]);
});

test("an exit that we have written down survives Podman's forgetting it", () => {
  const end = { containerId: "c2", exitCode: 3, reason: "Error", startedAt: 1, finishedAt: 2 };
  assert.deepEqual(adopted([sandbox([{ ...container, state: "created" }], false)], [end]).one.ended, end);
  assert.deepEqual(adopted([], [end]).one.ended, end);
});

test("a container that ended while no agent ran keeps Podman's exit code", () => {
  const exit = { exitCode: 4, oomKilled: false, startedAt: 1, finishedAt: 2 };
  const { one } = adopted([sandbox([{ ...container, state: "exited", exit }])]);
  assert.equal(one.ended?.exitCode, 4);
  assert.equal(one.id, "c2");
});

test("older sandboxes and older runs of a container are left over", () => {
  const older = { ...sandbox([]), id: "old", attempt: 0 };
  const { leftovers, one } = adopted([
    older,
    sandbox([{ ...container, id: "c1", attempt: 1, state: "exited" }, container]),
  ]);
  assert.deepEqual(leftovers, { sandboxes: ["old"], containers: ["c1"] });
  assert.equal(one.id, "c2");
});

const exit = { exitCode: 4, oomKilled: false, startedAt: 1, finishedAt: 2 };
const before: ObservedContainer = { ...container, state: "exited", exit };
const newer: ObservedContainer = { ...container, id: "c3", attempt: 3 };

test("a restart that no status tells of yet keeps how the run before ended, also once that is removed", () => {
  const saved = { containerId: "c2", exitCode: 4, reason: "Error", message: "why", startedAt: 1, finishedAt: 2 };
  for (const left of [[before, newer], [newer]]) {
    const { one } = adopted([sandbox(left)], [saved]);
    assert.equal(one.id, "c3");
    assert.deepEqual(one.last, saved);
  }
  assert.equal(adopted([sandbox([before, newer])]).one.last?.exitCode, 4);
});

test("a container that was made but not started when the agent was killed counts for nothing", () => {
  const { one, leftovers } = adopted([sandbox([before, { ...newer, state: "created" }])]);
  assert.deepEqual(leftovers.containers, ["c3"]);
  assert.equal(one.ended?.exitCode, 4);
  assert.equal(one.id, "c2");
  assert.equal(one.attempts, 3);
});

test("a pod that has ended, or is being evicted, stays so with its reason", () => {
  const cases = [
    { status: { phase: "Failed", reason: "OutOfcpu", message: "m" }, evicted: { reason: "OutOfcpu", message: "m" } },
    { status: { phase: "Succeeded" }, evicted: {} },
    { status: { phase: "Running", reason: "Evicted", message: "m" }, evicted: { reason: "Evicted", message: "m" } },
    { status: { phase: "Pending", reason: "Unsupported", message: "m" }, evicted: undefined },
  ];
  for (const { status, evicted } of cases) {
    const state = newPodState(pod);
    adopt({ ...pod, status } as Pod, state, { sandboxes: [sandbox([])], exits: new Map(), now: 1 });
    assert.deepEqual(state.evicted, evicted);
  }
});
