import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/kinds.ts";
import type { Stored } from "../api/stored.ts";
import { chooseNode } from "./choose-node.ts";
import { nodeInfo, repels, type ClusterSnapshot } from "./cluster-snapshot.ts";

type Spec = Partial<NonNullable<Pod["spec"]>>;

interface NodeState {
  readonly labels?: Record<string, string>;
  readonly taints?: { key: string; value?: string; effect: string }[];
  readonly ready?: string;
  readonly cordoned?: boolean;
  readonly cpu?: string;
  readonly pods?: readonly Stored<"Pod">[];
}

function pod(spec: Spec = {}, labels: Record<string, string> = {}, name = "p"): Stored<"Pod"> {
  const metadata = { name, namespace: "default", uid: name, labels };
  return { metadata, spec: { containers: [{ name: "c", image: "a/b:1" }], ...spec } };
}

const asking = (requests: Record<string, string>): Spec => ({
  containers: [{ name: "c", image: "a/b:1", resources: { requests } }],
});

function node(name: string, state: NodeState) {
  const { labels = {}, taints = [], ready = "True", cordoned = false, cpu = "2", pods = [] } = state;
  return nodeInfo(
    {
      metadata: { name, uid: name, labels: { "kubernetes.io/hostname": name, ...labels } },
      spec: { taints, unschedulable: cordoned },
      status: { allocatable: { cpu, memory: "1Gi", pods: "3" }, conditions: [{ type: "Ready", status: ready }] },
    },
    pods,
  );
}

function cluster(states: Record<string, NodeState>): ClusterSnapshot {
  const nodes = Object.entries(states).map(([name, state]) => node(name, state));
  return {
    nodes,
    namespaceLabels: () => ({}),
    claimRefusal: (_, claim) => `persistentvolumeclaim "${claim}" not found`,
    repelling: nodes.flatMap((one) => one.pods.filter(repels).map((resident) => ({ pod: resident, node: one }))),
  };
}

const web = { app: "web" };
const selector = { labelSelector: { matchLabels: web }, topologyKey: "kubernetes.io/hostname" };
const apart: Spec = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [selector] } } };
const together: Spec = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [selector] } } };
const even: Spec = {
  topologySpreadConstraints: [{ ...selector, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" }],
};
const port = (hostPort: number): Spec => ({
  containers: [{ name: "c", image: "a/b:1", ports: [{ containerPort: 80, hostPort }] }],
});

const refusals: { what: string; pod: Stored<"Pod">; nodes: Record<string, NodeState>; why: string }[] = [
  { what: "no nodes", pod: pod(), nodes: {}, why: "no nodes available to schedule pods" },
  {
    what: "too little of two things, and a cordon",
    pod: pod(asking({ cpu: "3", memory: "2Gi" })),
    nodes: { a: {}, b: {}, c: { cordoned: true } },
    why: "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu, 2 Insufficient memory.",
  },
  {
    what: "a resource that no node has",
    pod: pod(asking({ "example.com/gpu": "1" })),
    nodes: { a: {} },
    why: "0/1 nodes are available: 1 Insufficient example.com/gpu.",
  },
  {
    what: "as many pods as a node takes",
    pod: pod(),
    nodes: { a: { pods: [pod({}, {}, "1"), pod({}, {}, "2"), pod({}, {}, "3")] } },
    why: "0/1 nodes are available: 1 Too many pods.",
  },
  {
    what: "a taint",
    pod: pod(),
    nodes: { a: { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] } },
    why: "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}.",
  },
  {
    what: "a node that is not ready",
    pod: pod(),
    nodes: { a: { ready: "False" } },
    why: "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
  },
  {
    what: "a selector",
    pod: pod({ nodeSelector: { disk: "ssd" } }),
    nodes: { a: {} },
    why: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    what: "a port of the host",
    pod: pod(port(80)),
    nodes: { a: { pods: [pod(port(80), {}, "1")] } },
    why: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    what: "anti-affinity of its own",
    pod: pod(apart, web),
    nodes: { a: { pods: [pod({}, web, "1")] } },
    why: "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
  },
  {
    what: "anti-affinity of a resident",
    pod: pod({}, web),
    nodes: { a: { pods: [pod(apart, {}, "1")] } },
    why: "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
  {
    what: "company that is nowhere",
    pod: pod(together, { app: "other" }),
    nodes: { a: {} },
    why: "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
  },
  {
    what: "unevenness",
    pod: pod(even, web),
    nodes: { a: { pods: [pod({}, web, "1")] }, b: { cordoned: true } },
    why: "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable.",
  },
  {
    what: "a claim",
    pod: pod({ volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] }),
    nodes: { a: {}, b: {} },
    why: '0/2 nodes are available: persistentvolumeclaim "c" not found.',
  },
];

for (const { what, pod: one, nodes, why } of refusals) {
  test(`a refusal names ${what}`, () => {
    const choice = chooseNode(one, cluster(nodes));
    assert.equal("refusal" in choice ? choice.refusal : choice.node.name, why);
  });
}

const choices: { what: string; pod: Stored<"Pod">; nodes: Record<string, NodeState>; node: string }[] = [
  {
    what: "the emptier node",
    pod: pod(),
    nodes: { a: { pods: [pod(asking({ cpu: "1" }), {}, "1")] }, b: {} },
    node: "b",
  },
  {
    what: "a tolerated taint only",
    pod: pod({ tolerations: [{ key: "k", operator: "Exists" }], nodeSelector: { x: "y" } }),
    nodes: { a: {}, b: { labels: { x: "y" }, taints: [{ key: "k", effect: "NoSchedule" }] } },
    node: "b",
  },
  {
    what: "the preferred node",
    pod: pod({
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 50, preference: { matchExpressions: [{ key: "zone", operator: "In", values: ["z"] }] } },
          ],
        },
      },
    }),
    nodes: { a: {}, b: { labels: { zone: "z" } } },
    node: "b",
  },
  {
    what: "a node without a soft taint",
    pod: pod(),
    nodes: { a: { taints: [{ key: "k", effect: "PreferNoSchedule" }] }, b: {} },
    node: "b",
  },
  { what: "company", pod: pod(together, {}), nodes: { a: {}, b: { pods: [pod({}, web, "1")] } }, node: "b" },
  { what: "any node, for the first of a group", pod: pod(together, web), nodes: { a: {} }, node: "a" },
  {
    what: "the emptier domain",
    pod: pod(even, web),
    nodes: { a: { pods: [pod({}, web, "1")] }, b: { pods: [pod({}, {}, "2"), pod({}, {}, "3")] } },
    node: "b",
  },
];

for (const { what, pod: one, nodes, node: wanted } of choices) {
  test(`a pod gets ${what}`, () => {
    const choice = chooseNode(one, cluster(nodes));
    assert.equal("node" in choice ? choice.node.name : choice.refusal, wanted);
  });
}
