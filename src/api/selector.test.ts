import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { declarationOf } from "./catalog.ts";
import { formatLabelSelector, parseFieldSelector, parseLabelSelector } from "./selector.ts";

test("label selectors select what kubectl's -l selects", () => {
  const labels = { app: "web", tier: "front", "example.com/x": "1", empty: "" };
  const cases: [string, boolean][] = [
    ["app=web", true],
    ["app==web,tier=front", true],
    ["app = web , tier != back", true],
    ["app!=web", false],
    ["other!=x", true],
    ["app in (web, api)", true],
    ["app notin (web)", false],
    ["other notin (web)", true],
    ["app", true],
    ["!app", false],
    ["!other", true],
    ["example.com/x>0", true],
    ["example.com/x<1", false],
    ["empty=", true],
    ["empty in (,a)", true],
    ["", true],
    ["in in (in)", false],
  ];
  for (const [text, want] of cases) assert.equal(parseLabelSelector(text).matches(labels), want, text);
});

test("what is no label selector is refused", () => {
  for (const text of ["=a", "a b", "a in b", "a in (b", "a=b,", "a=b=c", "A/b/c", "a=-x-", "a>b", "!", "a in (b)c"]) {
    assert.throws(
      () => parseLabelSelector(text),
      { reason: "BadRequest", message: /unable to parse requirement/ },
      text,
    );
  }
});

test("any text is parsed or refused", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "b", "=", "!", ",", "(", ")", " ", "in", "notin", ">") }),
      (text) => {
        try {
          parseLabelSelector(text).matches({ a: "b" });
        } catch (error) {
          assert.equal((error as { reason: string }).reason, "BadRequest");
        }
      },
    ),
  );
});

test("field selectors read the fields that a kind offers", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "n" },
    spec: { nodeName: "n1", containers: [] },
    status: { phase: "Running" },
  };
  const cases: [string, boolean][] = [
    ["metadata.name=a", true],
    ["metadata.name==a,metadata.namespace=n", true],
    ["spec.nodeName=n1,status.phase!=Failed", true],
    ["spec.nodeName!=n1", false],
    ["status.podIP=", true],
    ["", true],
  ];
  for (const [text, want] of cases)
    assert.equal(parseFieldSelector(declarationOf("Pod"), text).matches(pod), want, text);
});

test("fields that a kind does not offer are refused in upstream's words", () => {
  assert.throws(() => parseFieldSelector(declarationOf("Pod"), "spec.foo=1"), {
    reason: "BadRequest",
    message: "field label not supported: spec.foo",
  });
  assert.throws(() => parseFieldSelector(declarationOf("ConfigMap"), "data=1"), {
    message: '"data" is not a known field selector: only "metadata.name", "metadata.namespace"',
  });
  assert.throws(() => parseFieldSelector(declarationOf("Pod"), "spec.nodeName"), { reason: "BadRequest" });
});

test("selectors print as kubectl prints them", () => {
  const printed = formatLabelSelector({
    matchLabels: { b: "2", a: "1" },
    matchExpressions: [
      { key: "c", operator: "In", values: ["y", "x"] },
      { key: "aa", operator: "DoesNotExist" },
    ],
  });
  assert.equal(printed, "a=1,!aa,b=2,c in (x,y)");
});
