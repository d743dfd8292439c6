import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/kinds.ts";
import { nextStep, type DesiredPod, type Step } from "./next-step.ts";
import { newPodState, type ContainerState, type PodState, type Termination } from "./pod-state.ts";

const NOW = 1_000_000;
const always: DesiredPod = { restartPolicy: "Always", terminating: false, deadlineAt: undefined };

function ended(exitCode: number): Termination {
  const reason = exitCode === 0 ? "Completed" : "Error";
  return { containerId: "id", exitCode, reason, startedAt: NOW - 500, finishedAt: NOW - 100 };
}

type Changes = Readonly<Record<string, Partial<ContainerState>>>;

/** A pod with init container `i`, sidecar `s` and apps `a` and `b`, its sandbox up, changed as given. */
function podState(changes: Changes, pod: Partial<PodState> = {}): PodState {
  const state = newPodState({
    spec: {
      initContainers: [{ name: "i" }, { name: "s", restartPolicy: "Always" }],
      containers: [{ name: "a" }, { name: "b" }],
    },
  } as Pod);
  const id = "sandbox";
  state.sandbox = { id, pod: { uid: "u", namespace: "n", name: "p" }, attempt: 0 };
  state.sandboxAlive = true;
  Object.assign(state, pod);
  for (const one of state.containers) Object.assign(one, changes[one.name]);
  return state;
}

const up = { runningSince: NOW - 1000, id: "id", attempts: 1, started: true };
const initDone: Changes = { i: { ended: ended(0), attempts: 1 }, s: up };
const past = { initialized: true };

interface Case {
  readonly name: string;
  readonly desired?: Partial<DesiredPod>;
  readonly state: PodState;
  readonly step: Step;
}

const wait = (until?: number): Step => ({ type: "wait", until });

const cases: readonly Case[] = [
  { name: "no sandbox", state: podState({}, { sandbox: undefined }), step: { type: "createSandbox" } },
  {
    name: "a sandbox that failed a moment ago",
    state: podState({}, { sandbox: undefined, retryAt: NOW + 5 }),
    step: wait(NOW + 5),
  },
  {
    name: "a pod that this node cannot run",
    state: podState({}, { blocked: { reason: "r", message: "m" } }),
    step: wait(),
  },
  { name: "a dead sandbox", state: podState({}, { sandboxAlive: false }), step: { type: "removeSandbox" } },
  { name: "a new sandbox", state: podState({}), step: { type: "start", container: "i" } },
  { name: "a running init container", state: podState({ i: up }), step: wait() },
  {
    name: "an init container that is done",
    state: podState({ i: { ended: ended(0) } }),
    step: { type: "start", container: "s" },
  },
  {
    name: "a sidecar whose startup probe has not passed",
    state: podState({ ...initDone, s: { ...up, started: false } }),
    step: wait(),
  },
  { name: "all init containers done", state: podState(initDone), step: { type: "initialized" } },
  {
    name: "an init container that failed and may be repeated",
    state: podState({ i: { ended: ended(1) } }),
    step: { type: "start", container: "i" },
  },
  {
    name: "an init container that failed for good",
    desired: { restartPolicy: "Never" },
    state: podState({ i: { ended: ended(1) } }),
    step: { type: "removeSandbox" },
  },
  { name: "apps not started", state: podState(initDone, past), step: { type: "start", container: "a" } },
  {
    name: "the first app just starting",
    state: podState({ ...initDone, a: { busy: "starting" } }, past),
    step: wait(),
  },
  { name: "the first app up", state: podState({ ...initDone, a: up }, past), step: { type: "start", container: "b" } },
  { name: "all up", state: podState({ ...initDone, a: up, b: up }, past), step: wait() },
  {
    name: "an app that failed its probe",
    state: podState({ ...initDone, a: up, b: { ...up, condemned: "why" } }, past),
    step: { type: "stop", container: "b", why: "why" },
  },
  {
    name: "an app that ended",
    state: podState({ ...initDone, a: { ended: ended(0), attempts: 1 }, b: up }, past),
    step: { type: "start", container: "a" },
  },
  {
    name: "an app that ended and is not due yet",
    state: podState({ ...initDone, a: { ended: ended(1), attempts: 2, retryAt: NOW + 9000 }, b: up }, past),
    step: wait(NOW + 900),
  },
  {
    name: "an app that ended a second ago and is not due yet",
    state: podState(
      { ...initDone, a: { ended: { ...ended(1), finishedAt: NOW - 1000 }, attempts: 2, retryAt: NOW + 9000 }, b: up },
      past,
    ),
    step: { type: "backOff", container: "a" },
  },
  {
    name: "an app that is told to be backed off",
    state: podState(
      { ...initDone, a: { ended: ended(1), waiting: { reason: "CrashLoopBackOff" }, retryAt: NOW + 9000 }, b: up },
      past,
    ),
    step: wait(NOW + 9000),
  },
  {
    name: "OnFailure, one app done and one up",
    desired: { restartPolicy: "OnFailure" },
    state: podState({ ...initDone, a: { ended: ended(0) }, b: up }, past),
    step: wait(),
  },
  {
    name: "OnFailure, one app failed",
    desired: { restartPolicy: "OnFailure" },
    state: podState({ ...initDone, a: { ended: ended(2) }, b: up }, past),
    step: { type: "start", container: "a" },
  },
  {
    name: "Never, all apps ended, the sidecar still up",
    desired: { restartPolicy: "Never" },
    state: podState({ ...initDone, a: { ended: ended(0) }, b: { ended: ended(1) } }, past),
    step: { type: "terminate" },
  },
  {
    name: "deleted while up",
    desired: { terminating: true },
    state: podState({ ...initDone, a: up }, past),
    step: { type: "terminate" },
  },
  {
    name: "deleted while a container is being started",
    desired: { terminating: true },
    state: podState({ ...initDone, a: { busy: "starting" } }, past),
    step: wait(),
  },
  { name: "deleted and stopped", desired: { terminating: true }, state: podState({}), step: { type: "removeSandbox" } },
  {
    name: "deleted and without a sandbox",
    desired: { terminating: true },
    state: podState({}, { sandbox: undefined }),
    step: { type: "release" },
  },
  {
    name: "deleted and released",
    desired: { terminating: true },
    state: podState({}, { sandbox: undefined, released: true }),
    step: { type: "letGo" },
  },
  {
    name: "ended and released, not deleted",
    desired: { restartPolicy: "Never" },
    state: podState({ a: { ended: ended(0) }, b: { ended: ended(0) } }, { sandbox: undefined, released: true }),
    step: wait(),
  },
  {
    name: "past its deadline",
    desired: { deadlineAt: NOW },
    state: podState({ ...initDone, a: up, b: up }, past),
    step: {
      type: "evict",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    },
  },
  {
    name: "before its deadline",
    desired: { deadlineAt: NOW + 7 },
    state: podState({ ...initDone, a: up, b: up }, past),
    step: wait(NOW + 7),
  },
];

for (const { name, desired, state, step } of cases) {
  test(`the step after ${name} is ${step.type}`, () => {
    assert.deepEqual(nextStep({ ...always, ...desired }, state, NOW), step);
  });
}
