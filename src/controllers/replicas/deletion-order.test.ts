import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stored } from "../../api/stored.ts";
import { deletionOrder } from "./deletion-order.ts";

const NOW = Date.parse("2026-01-02T00:00:00Z");

interface State {
  readonly node?: string;
  readonly phase?: string;
  readonly readySince?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly created?: string;
}

function pod(name: string, state: State): Stored<"Pod"> {
  const { node = "n1", phase = "Running", readySince = "2026-01-01T00:00:00Z", cost, restarts = 0 } = state;
  const ready = { type: "Ready", status: readySince === "" ? "False" : "True", lastTransitionTime: readySince };
  const annotations = cost === undefined ? {} : { "controller.kubernetes.io/pod-deletion-cost": cost };
  return {
    metadata: { name, uid: name, annotations, creationTimestamp: state.created ?? "2026-01-01T00:00:00Z" },
    spec: { containers: [], ...(node === "" ? {} : { nodeName: node }) },
    status: {
      phase,
      conditions: [ready],
      containerStatuses: [{ name: "c", image: "", imageID: "", ready: true, restartCount: restarts }],
    },
  };
}

const cases: { what: string; first: State; second: State }[] = [
  { what: "pods without a node", first: { node: "" }, second: {} },
  { what: "pending pods", first: { phase: "Pending" }, second: {} },
  { what: "pods that are not ready", first: { readySince: "" }, second: {} },
  { what: "pods of lower cost", first: { cost: "-5" }, second: {} },
  { what: "pods that became ready a power of two later", first: { readySince: "2026-01-01T23:00:00Z" }, second: {} },
  { what: "pods that restarted more often", first: { restarts: 3 }, second: { restarts: 1 } },
  { what: "pods that are younger by a power of two", first: { created: "2026-01-01T23:00:00Z" }, second: {} },
];

for (const { what, first, second } of cases) {
  test(`${what} go before others`, () => {
    const pods = [pod("a", second), pod("z", first)];
    assert.equal(deletionOrder(pods, { related: [], now: NOW })[0]?.metadata.name, "z");
  });
}

test("of two ready pods the one with more neighbours of its owner goes first", () => {
  const pods = [pod("a", { node: "n1" }), pod("z", { node: "n2" })];
  const related = [...pods, pod("old", { node: "n2" })];
  assert.equal(deletionOrder(pods, { related, now: NOW })[0]?.metadata.name, "z");
});
