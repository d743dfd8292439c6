import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, PodSpec } from "../../api/kinds.ts";
import { refusal } from "./node-admission.ts";

const pod = (spec: Partial<PodSpec>): Pod => ({ spec: { containers: [], ...spec } });
const asks = (cpu: string, memory = "0"): Pod =>
  pod({ containers: [{ name: "a", resources: { requests: { cpu, memory } } }] });
const port = (hostPort: number, more: object = {}): Pod =>
  pod({ containers: [{ name: "a", ports: [{ containerPort: 80, hostPort, ...more }] }] });
const affine = (key: string, operator: string, values: string[]): Pod =>
  pod({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
        },
      },
    },
  });
const node = { metadata: { labels: { disk: "ssd" } } } as Node;
const allocatable = { cpu: 2, memory: 1024 ** 3, pods: 3 };

const cases: readonly {
  name: string;
  pod: Pod;
  admitted?: Pod[];
  taints?: { key: string; effect: string }[];
  reason?: string;
  message?: RegExp;
}[] = [
  { name: "what fits exactly", pod: asks("1500m"), admitted: [asks("500m")] },
  {
    name: "too much cpu",
    pod: asks("1501m"),
    admitted: [asks("500m")],
    reason: "OutOfcpu",
    message: /cpu, requested: 1501, used: 500, capacity: 2000$/,
  },
  {
    name: "too much for the whole pod",
    pod: pod({ resources: { requests: { cpu: "3" } } }),
    reason: "OutOfcpu",
    message: /cpu, requested: 3000, used: 0, capacity: 2000$/,
  },
  { name: "too much memory", pod: asks("0", "2Gi"), reason: "OutOfmemory" },
  { name: "one pod too many", pod: pod({}), admitted: [pod({}), pod({}), pod({})], reason: "OutOfpods" },
  { name: "a free host port", pod: port(80), admitted: [port(81)] },
  { name: "a host port that is taken", pod: port(80), admitted: [port(80)], reason: "NodePorts" },
  { name: "the same port of another protocol", pod: port(80), admitted: [port(80, { protocol: "UDP" })] },
  {
    name: "the same port on another address",
    pod: port(80, { hostIP: "10.0.0.1" }),
    admitted: [port(80, { hostIP: "10.0.0.2" })],
  },
  {
    name: "a port of the host network",
    pod: port(80),
    admitted: [pod({ hostNetwork: true, containers: [{ name: "a", ports: [{ containerPort: 80 }] }] })],
    reason: "NodePorts",
  },
  { name: "a matching node selector", pod: pod({ nodeSelector: { disk: "ssd" } }) },
  { name: "required affinity", pod: affine("disk", "In", ["ssd", "nvme"]) },
  { name: "required affinity for another node", pod: affine("disk", "In", ["hdd"]), reason: "NodeAffinity" },
  {
    name: "required affinity for another node's name",
    pod: pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["other"] }] }],
          },
        },
      },
    }),
    reason: "NodeAffinity",
  },
  { name: "a taint that keeps the scheduler away only", pod: pod({}), taints: [{ key: "k", effect: "NoSchedule" }] },
  {
    name: "a taint that ends what runs",
    pod: pod({}),
    taints: [{ key: "k", effect: "NoExecute" }],
    reason: "TaintToleration",
    message: /tolerate: k$/,
  },
  {
    name: "a taint that it tolerates",
    pod: pod({ tolerations: [{ key: "k", operator: "Exists", tolerationSeconds: 5 }] }),
    taints: [{ key: "k", effect: "NoExecute" }],
  },
  { name: "another node's selector", pod: pod({ nodeSelector: { disk: "hdd" } }), reason: "NodeAffinity" },
];

for (const { name, pod: asked, admitted = [], taints = [], reason, message } of cases) {
  test(`the node ${reason ? `refuses ${name} with ${reason}` : `admits ${name}`}`, () => {
    const refused = refusal(asked, { node: { ...node, spec: { taints } }, allocatable, admitted });
    assert.equal(refused?.reason, reason);
    if (message) assert.match(refused?.message ?? "", message);
  });
}
