import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonPathError, printJsonPath } from "./jsonpath.ts";

const list = {
  kind: "List",
  items: [
    {
      metadata: { name: "a", labels: { "app.kubernetes.io/name": "web" } },
      spec: { containers: [{ image: "x:1" }, { image: "y:2" }] },
      status: { phase: "Running", n: 3 },
    },
    { metadata: { name: "b" }, spec: { containers: [{ image: "z:3" }] }, status: { phase: "Pending", n: 7 } },
  ],
};

// Expected texts are what kubectl 1.32 prints for the same input.
const cases: readonly (readonly [string, string])[] = [
  ["{.kind}", "List"],
  [".kind", "List"],
  ["kind", "List"],
  ["{.items[*].metadata.name}", "a b"],
  ["{.items[0].spec.containers[*].image}", "x:1 y:2"],
  ["{.items[-1].metadata.name}", "b"],
  ["{.items[0:1].metadata.name}", "a"],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', "a\tRunning\nb\tPending\n"],
  ['{.items[?(@.status.phase=="Pending")].metadata.name}', "b"],
  ["{.items[?(@.status.n>5)].metadata.name}", "b"],
  ["{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "web"],
  ["{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"],
  ["{..image}", "x:1 y:2 z:3"],
  ["name={.items[0].metadata.name};", "name=a;"],
  ["{.items[0].status}", '{"phase":"Running","n":3}'],
  ["{.missing}", ""],
];

for (const [template, expected] of cases) {
  test(`${template} prints ${JSON.stringify(expected)}`, () => {
    assert.equal(printJsonPath(template, list), expected);
  });
}

for (const template of ["{range .items[*]}", "{.items[}", "{end}", "{.a"]) {
  test(`${template} is refused`, () => {
    assert.throws(() => printJsonPath(template, list), JsonPathError);
  });
}
