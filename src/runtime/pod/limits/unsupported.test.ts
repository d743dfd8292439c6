import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "../../../api/kinds.ts";
import { unsupported } from "./unsupported.ts";

const mounting = (recursiveReadOnly: string): Partial<PodSpec> => ({
  containers: [{ name: "a", volumeMounts: [{ name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly }] }],
});

const cases: readonly { name: string; spec: Partial<PodSpec>; told?: RegExp }[] = [
  { name: "a plain pod", spec: {} },
  {
    name: "a recursively read-only mount",
    spec: mounting("Enabled"),
    told: /^container "a": recursiveReadOnly of .*"v"/,
  },
  { name: "a mount that is recursively read-only if possible", spec: mounting("IfPossible") },
  { name: "a claim", spec: { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "c" } }] }, told: /claims/ },
  { name: "user namespaces", spec: { hostUsers: false }, told: /hostUsers/ },
];

for (const { name, spec, told } of cases) {
  test(`${name} ${told ? "is refused with the reason" : "is supported"}`, () => {
    const reasons = unsupported({ spec: { containers: [{ name: "a" }], ...spec } });
    assert.equal(reasons.length, told ? 1 : 0, reasons.join("\n"));
    if (told) assert.match(reasons[0] ?? "", told);
  });
}
