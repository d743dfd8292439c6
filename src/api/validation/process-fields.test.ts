import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, PodSpec } from "../kinds.ts";
import { podSpecErrors } from "./pod-spec.ts";

const base: Container = { name: "a", image: "nginx" };

function said(spec: Omit<Partial<PodSpec>, "containers">, container: Partial<Container> = {}): string[] {
  const errors = podSpecErrors({ containers: [{ ...base, ...container }], ...spec }, "spec");
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

const ID = "must be between 0 and 2147483647, inclusive";
const SYSCTL = "must have at most 253 characters and match regex";
const IMAGE = "must not contain white space or control characters";
const NUL = "must not contain the character NUL";

test("ids of users and groups are those that the kernel and the runtime take", () => {
  for (const id of [-1, 2 ** 31, 2 ** 53 - 1]) {
    const context = { runAsUser: id, runAsGroup: id };
    assert.deepEqual(said({ securityContext: { ...context, fsGroup: id, supplementalGroups: [0, id] } }), [
      `spec.securityContext.runAsUser: Invalid value: ${id}: ${ID}`,
      `spec.securityContext.runAsGroup: Invalid value: ${id}: ${ID}`,
      `spec.securityContext.fsGroup: Invalid value: ${id}: ${ID}`,
      `spec.securityContext.supplementalGroups[1]: Invalid value: ${id}: ${ID}`,
    ]);
    assert.deepEqual(said({}, { securityContext: context }), [
      `spec.containers[0].securityContext.runAsUser: Invalid value: ${id}: ${ID}`,
      `spec.containers[0].securityContext.runAsGroup: Invalid value: ${id}: ${ID}`,
    ]);
  }
  const highest = { runAsUser: 2 ** 31 - 1, runAsGroup: 0 };
  assert.deepEqual(said({ securityContext: { ...highest, fsGroup: 0 } }, { securityContext: highest }), []);
});

test("sysctls have the names of sysctls, once each", () => {
  const sysctls = (...names: string[]): string[] =>
    said({ securityContext: { sysctls: names.map((name) => ({ name, value: "1" })) } });
  assert.deepEqual(sysctls("net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/rp_filter", "kernel.shm_rmid_forced"), []);
  for (const name of ["a b", "-a", "net..x", "Net.x", "../x", "a=b", "a\n", "a".repeat(254)]) {
    assert.match(sysctls(name).join(), new RegExp(`^spec.securityContext.sysctls\\[0\\].name: .*${SYSCTL}`, "s"), name);
  }
  assert.deepEqual(sysctls(""), ["spec.securityContext.sysctls[0].name: Required value"]);
  assert.deepEqual(sysctls("a.b", "a.b"), ['spec.securityContext.sysctls[1].name: Duplicate value: "a.b"']);
});

test("what no process, port or image can have is refused where it stands", () => {
  const nul = "a\0b";
  const cases: [Partial<Container>, RegExp][] = [
    [{ ports: [{ containerPort: 80, hostIP: "localhost" }] }, /ports\[0\]\.hostIP: .*must be a valid IP address/],
    [{ ports: [{ containerPort: 80, hostIP: "1.2.3.4:5" }] }, /ports\[0\]\.hostIP: .*must be a valid IP address/],
    [{ env: [{ name: "A", value: nul }] }, new RegExp(`env\\[0\\]\\.value: .*${NUL}`)],
    [{ command: ["sh", nul] }, new RegExp(`command\\[1\\]: .*${NUL}`)],
    [{ args: [nul] }, new RegExp(`args\\[0\\]: .*${NUL}`)],
    [{ workingDir: nul }, new RegExp(`workingDir: .*${NUL}`)],
    [{ livenessProbe: { exec: { command: [nul] } } }, new RegExp(`livenessProbe.exec.command\\[0\\]: .*${NUL}`)],
    [{ lifecycle: { preStop: { exec: { command: [nul] } } } }, new RegExp(`preStop.exec.command\\[0\\]: .*${NUL}`)],
    [{ image: "a b" }, new RegExp(`image: .*${IMAGE}`)],
    [{ image: "a\u001b[2J" }, new RegExp(`image: .*${IMAGE}`)],
    [{ image: nul }, new RegExp(`image: .*${IMAGE}`)],
    [{ image: " a" }, /image: .*must not have leading or trailing whitespace/],
  ];
  for (const [container, why] of cases) {
    const found = said({}, container);
    assert.equal(found.length, 1, found.join());
    assert.match(found[0] ?? "", why);
  }
  const fine: Partial<Container> = {
    image: "registry.test:5000/a/b_c:1.2@sha256:00",
    ports: [
      { containerPort: 80, hostIP: "::1" },
      { containerPort: 81, hostIP: "" },
    ],
    env: [{ name: "A", value: "line\nline" }],
    command: ["sh", "-c", ""],
  };
  assert.deepEqual(said({}, fine), []);
});
