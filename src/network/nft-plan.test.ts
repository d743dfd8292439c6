import assert from "node:assert/strict";
import { test } from "node:test";
import { compileServices } from "./nft-program.ts";
import { plan, rewrite, scriptsOf } from "./nft-plan.ts";
import type { ServiceEntry, ServiceTable } from "./service-table.ts";

const web: ServiceEntry = {
  id: "default/web:80/tcp",
  protocol: "tcp",
  addresses: ["10.63.0.10"],
  port: 80,
  targets: [{ ip: "10.62.0.5", port: 8080 }],
};
const two = [...web.targets, { ip: "10.62.0.6", port: 8080 }];
const node = { port: 30080, targets: web.targets, keepsClientAddress: false };

const lines = (from: ServiceTable, to: ServiceTable): string[] =>
  scriptsOf(plan(compileServices(from), compileServices(to)))
    .join("")
    .replaceAll(/_[0-9a-f]{16}/g, "_X")
    .split("\n")
    .filter((line) => line !== "");

const CASES: readonly { name: string; from: ServiceTable; to: ServiceTable; script: readonly string[] }[] = [
  { name: "nothing to do", from: [web], to: [{ ...web }], script: [] },
  {
    name: "a new service",
    from: [],
    to: [web],
    script: [
      "add chain ip podman_swarm svc_X",
      "add rule ip podman_swarm svc_X meta l4proto tcp dnat to 10.62.0.5:8080",
      "add rule ip podman_swarm svc_X drop",
      "add element ip podman_swarm vips { 10.63.0.10 . tcp . 80 : goto svc_X }",
      "add element ip podman_swarm hairpin { 10.62.0.5 . 10.62.0.5 }",
    ],
  },
  {
    name: "one more endpoint changes one chain",
    from: [web],
    to: [{ ...web, targets: two }],
    script: [
      "flush chain ip podman_swarm svc_X",
      "add rule ip podman_swarm svc_X meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.62.0.5 . 8080, 1 : 10.62.0.6 . 8080 }",
      "add rule ip podman_swarm svc_X drop",
      "add element ip podman_swarm hairpin { 10.62.0.6 . 10.62.0.6 }",
    ],
  },
  {
    name: "the last endpoint goes: the address is refused",
    from: [web],
    to: [{ ...web, targets: [] }],
    script: [
      "delete element ip podman_swarm vips { 10.63.0.10 . tcp . 80 }",
      "delete element ip podman_swarm hairpin { 10.62.0.5 . 10.62.0.5 }",
      "flush chain ip podman_swarm svc_X",
      "delete chain ip podman_swarm svc_X",
    ],
  },
  {
    name: "a node port without endpoints here is refused",
    from: [{ ...web, node }],
    to: [{ ...web, node: { ...node, targets: [] } }],
    script: [
      "delete element ip podman_swarm nodeports { tcp . 30080 }",
      "add element ip podman_swarm refused_nodeports { tcp . 30080 }",
      "flush chain ip podman_swarm svc_X",
      "delete chain ip podman_swarm svc_X",
    ],
  },
  {
    name: "a node port that keeps client addresses does not mark",
    from: [{ ...web, node }],
    to: [{ ...web, node: { ...node, keepsClientAddress: true } }],
    script: [
      "flush chain ip podman_swarm svc_X",
      "add rule ip podman_swarm svc_X meta l4proto tcp dnat to 10.62.0.5:8080",
      "add rule ip podman_swarm svc_X drop",
    ],
  },
];

for (const { name, from, to, script } of CASES) {
  test(`planning ${name}`, () => assert.deepEqual(lines(from, to), script));
}

test("many steps are packed into scripts of limited length, in order and none cut apart", () => {
  const steps = [["a", "b"], ["ccc"], ["d"], ["eeeeeeeeeeee"], ["f"]];
  assert.deepEqual(scriptsOf(steps, 8), ["a\nb\nccc\n", "d\n", "eeeeeeeeeeee\n", "f\n"]);
  assert.deepEqual(scriptsOf(steps), ["a\nb\nccc\nd\neeeeeeeeeeee\nf\n"]);
  assert.deepEqual(scriptsOf([]), []);
});

test("a rewrite refuses nothing before everything is there", () => {
  const settings = { bridge: "b", gateway: "10.62.0.1", podCidr: "10.62.0.0/16", serviceCidr: "10.63.0.0/16" };
  const steps = rewrite(settings, compileServices([web]));
  assert.match(steps.at(-1)?.join() ?? "", /refuse reject$/);
  assert.ok(!steps.slice(0, -1).flat().join("\n").includes("reject"));
});
