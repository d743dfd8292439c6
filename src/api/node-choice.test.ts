import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "./kinds.ts";
import { matchesNode, tolerates, untolerated } from "./node-choice.ts";

type Spec = NonNullable<Pod["spec"]>;
type Terms = NonNullable<
  NonNullable<NonNullable<Spec["affinity"]>["nodeAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]
>["nodeSelectorTerms"];

const NODE = { name: "n1", labels: { disk: "ssd", cores: "8" } };
const pod = (spec: Partial<Spec>): Pod => ({ spec: { containers: [], ...spec } });
const requiring = (nodeSelectorTerms: Terms): Pod =>
  pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } });
const label = (key: string, operator: string, ...values: string[]) => ({ key, operator, values });

const choices: readonly { readonly name: string; readonly pod: Pod; readonly matches: boolean }[] = [
  { name: "a pod that asks for nothing", pod: {}, matches: true },
  { name: "a selector that matches", pod: pod({ nodeSelector: { disk: "ssd" } }), matches: true },
  {
    name: "a selector of which one label is missing",
    pod: pod({ nodeSelector: { disk: "ssd", gpu: "1" } }),
    matches: false,
  },
  {
    name: "a term whose expressions all match",
    pod: requiring([{ matchExpressions: [label("disk", "In", "hdd", "ssd"), label("cores", "Gt", "4")] }]),
    matches: true,
  },
  {
    name: "a term of which one expression does not match",
    pod: requiring([{ matchExpressions: [label("disk", "Exists"), label("cores", "Lt", "8")] }]),
    matches: false,
  },
  {
    name: "a second term that matches",
    pod: requiring([
      { matchExpressions: [label("disk", "DoesNotExist")] },
      { matchExpressions: [label("gpu", "NotIn", "1")] },
    ]),
    matches: true,
  },
  { name: "the node's name", pod: requiring([{ matchFields: [label("metadata.name", "In", "n1")] }]), matches: true },
  {
    name: "another node's name",
    pod: requiring([{ matchFields: [label("metadata.name", "In", "n2")] }]),
    matches: false,
  },
  { name: "a term that asks for nothing", pod: requiring([{}]), matches: false },
  { name: "no terms", pod: requiring([]), matches: false },
];

for (const { name, pod: one, matches } of choices) {
  test(`${name} ${matches ? "takes" : "refuses"} the node`, () => assert.equal(matchesNode(one, NODE), matches));
}

test("a toleration holds for key, value and effect, and for all of what it leaves out", () => {
  const taint = { key: "k", value: "v", effect: "NoExecute" };
  const rows: readonly [object, boolean][] = [
    [{ key: "k", value: "v" }, true],
    [{ key: "k", operator: "Equal", value: "v", effect: "NoExecute" }, true],
    [{ key: "k", value: "w" }, false],
    [{ key: "k" }, false],
    [{ key: "k", operator: "Exists" }, true],
    [{ key: "k", operator: "Exists", effect: "NoSchedule" }, false],
    [{ key: "other", operator: "Exists" }, false],
    [{ operator: "Exists" }, true],
    [{ value: "v" }, false],
  ];
  for (const [toleration, expected] of rows) {
    assert.equal(tolerates(toleration, taint), expected, JSON.stringify(toleration));
  }
  assert.equal(tolerates({ key: "k" }, { key: "k", effect: "NoSchedule" }), true);
});

test("only taints of the effects in question keep a pod away", () => {
  const taints = [
    { key: "soft", effect: "PreferNoSchedule" },
    { key: "a", effect: "NoSchedule" },
    { key: "b", effect: "NoExecute" },
  ];
  const tolerating = pod({ tolerations: [{ key: "a", operator: "Exists" }] });
  assert.equal(untolerated(tolerating, taints, ["NoSchedule", "NoExecute"])?.key, "b");
  assert.equal(untolerated(tolerating, taints, ["NoSchedule"]), undefined);
  assert.equal(untolerated({}, taints, ["NoSchedule"])?.key, "a");
});
