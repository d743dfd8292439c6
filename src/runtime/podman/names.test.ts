import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containerName, sandboxName } from "./names.ts";

/** DNS labels and subdomains (RFC 1123), as names of containers and pods are. Few letters, so that equal ones occur. */
const label = fc.stringMatching(/^[a0]([-a0]{0,3}[a0])?$/);
const podName = fc.oneof(
  label,
  fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join(".")),
  fc.stringMatching(/^a{58,64}$/),
);
const made = fc.record({
  node: fc.constantFrom("n1", "n2"),
  uid: fc.constantFrom("u-0", "u-1", "u"),
  pod: podName,
  container: fc.option(label),
  attempt: fc.nat(11),
});
type Made = typeof made extends fc.Arbitrary<infer T> ? T : never;

function nameOf({ node, uid, pod, container, attempt }: Made): string {
  const sandbox = { pod: { uid, namespace: "default", name: pod }, attempt };
  return container === null ? sandboxName(node, sandbox) : containerName(node, sandbox, { name: container, attempt });
}

/** A uid belongs to one pod, so its name tells nothing more. */
function identity({ node, uid, container, attempt }: Made): string {
  return JSON.stringify([node, uid, container, attempt]);
}

test("what differs has different names, and every name is one for Podman", () => {
  fc.assert(
    fc.property(made, made, (one, other) => {
      assert.match(nameOf(one), /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/);
      if (identity(one) !== identity(other)) assert.notEqual(nameOf(one), nameOf(other));
    }),
    { numRuns: 2000 },
  );
});

test("a container named like its pod has another name", () => {
  const pod = { uid: "u", namespace: "default", name: "once" };
  assert.notEqual(sandboxName("n", { pod, attempt: 0 }), containerName("n", { pod }, { name: "once", attempt: 0 }));
});
