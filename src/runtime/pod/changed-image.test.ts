import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/kinds.ts";
import { noticeImages } from "./changed-image.ts";
import { hasEnded } from "./next-step.ts";
import { newPodState, type ContainerState } from "./pod-state.ts";

const podOf = (image: string, kind: "app" | "init" = "app"): Pod => ({
  spec: {
    containers: [{ name: "a", image: kind === "app" ? image : "x" }],
    ...(kind === "init" ? { initContainers: [{ name: "i", image }] } : {}),
  },
});
const ended = { containerId: "c", exitCode: 1, reason: "Error", startedAt: 1, finishedAt: 2 };

const cases: readonly {
  name: string;
  kind?: "init";
  was: Partial<ContainerState>;
  image?: string;
  condemned: boolean;
  retryAt: number;
}[] = [
  { name: "runs", was: { runningSince: 1 }, condemned: true, retryAt: 0 },
  {
    name: "runs with the same image",
    was: { runningSince: 1, retryAt: 9 },
    image: "v:1",
    condemned: false,
    retryAt: 9,
  },
  { name: "waits for its image", was: { retryAt: 9 }, condemned: false, retryAt: 0 },
  { name: "waits after a crash", was: { ended, retryAt: 9 }, condemned: false, retryAt: 0 },
  { name: "is being started", was: { busy: "starting", retryAt: 9 }, condemned: false, retryAt: 9 },
  { name: "initializes", kind: "init", was: { runningSince: 1, retryAt: 9 }, condemned: false, retryAt: 9 },
];

for (const { name, kind = "app", was, image = "v:2", condemned, retryAt } of cases) {
  test(`a new image for a container that ${name}`, () => {
    const state = newPodState(podOf("v:1", kind));
    const [one] = state.containers;
    assert.ok(one);
    Object.assign(one, was);
    noticeImages(podOf(image, kind), state);
    assert.equal(one.condemned !== undefined, condemned);
    assert.equal(one.retryAt, retryAt);
    noticeImages(podOf(image, kind), state);
    assert.equal(one.retryAt, retryAt, "it is noticed once");
  });
}

test("a container that is replaced does not end its pod, whatever its restart policy is", () => {
  const state = newPodState(podOf("v:1"));
  const [one] = state.containers;
  assert.ok(one);
  one.runningSince = 1;
  noticeImages(podOf("v:2"), state);
  Object.assign(one, { runningSince: undefined, ended });
  assert.equal(hasEnded(state, "Never"), false);
  one.replace = false;
  assert.equal(hasEnded(state, "Never"), true);
});
