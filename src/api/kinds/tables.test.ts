import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration } from "../columns.ts";
import { declarationOf, servedKind } from "../catalog.ts";
import type { Cell } from "../kind.ts";
import type { KindName, KubeObject } from "../kinds.ts";

const NOW = Date.parse("2024-01-01T01:00:00Z");

/** The cells by the heading that kubectl prints over them. */
function row(kind: KindName, fields: object): Record<string, Cell> {
  const declaration = declarationOf(kind);
  const metadata = { name: "web", creationTimestamp: "2024-01-01T00:55:00Z" };
  const object = { apiVersion: "", kind, metadata, ...fields } as KubeObject;
  const cells = declaration.row(object, { now: NOW });
  return Object.fromEntries(declaration.columns.map(({ name }, index) => [name.toUpperCase(), cells[index] ?? ""]));
}

function check(kind: KindName, fields: object, want: Record<string, Cell>): void {
  const cells = row(kind, fields);
  for (const [name, cell] of Object.entries(want)) assert.equal(cells[name], cell, `${kind} ${name}`);
}

const spec = { containers: [{ name: "a" }, { name: "b" }] };
const running = { ready: true, restartCount: 0, state: { running: {} } };
const waiting = (reason: string): object => ({ ready: false, restartCount: 0, state: { waiting: { reason } } });

const pods: [name: string, fields: object, want: Record<string, Cell>][] = [
  [
    "a running pod",
    { spec, status: { phase: "Running", containerStatuses: [running, running] } },
    { READY: "2/2", STATUS: "Running", RESTARTS: "0", AGE: "5m" },
  ],
  [
    "a pod that waits for a node",
    { spec, status: { phase: "Pending" } },
    { READY: "0/2", STATUS: "Pending", NODE: "<none>", IP: "<none>" },
  ],
  [
    "an image that cannot be pulled",
    { spec, status: { phase: "Pending", containerStatuses: [waiting("ImagePullBackOff"), running] } },
    { READY: "1/2", STATUS: "ImagePullBackOff" },
  ],
  [
    "a container that crashes",
    {
      spec,
      status: {
        phase: "Running",
        containerStatuses: [
          {
            ...waiting("CrashLoopBackOff"),
            restartCount: 3,
            lastState: { terminated: { finishedAt: "2024-01-01T00:55:00Z" } },
          },
          running,
        ],
      },
    },
    { READY: "1/2", STATUS: "CrashLoopBackOff", RESTARTS: "3 (5m ago)" },
  ],
  [
    "a finished pod",
    {
      spec,
      status: {
        phase: "Succeeded",
        containerStatuses: [
          { restartCount: 0, ready: false, state: { terminated: { exitCode: 0, reason: "Completed" } } },
        ],
      },
    },
    { STATUS: "Completed" },
  ],
  [
    "a container that ended without a reason",
    {
      spec,
      status: {
        phase: "Failed",
        containerStatuses: [{ restartCount: 0, ready: false, state: { terminated: { exitCode: 3 } } }],
      },
    },
    { STATUS: "ExitCode:3" },
  ],
  [
    "an init container at work",
    {
      spec: { ...spec, initContainers: [{ name: "i" }, { name: "j" }] },
      status: { phase: "Pending", initContainerStatuses: [{ name: "i", restartCount: 0, state: { running: {} } }] },
    },
    { STATUS: "Init:0/2" },
  ],
  [
    "an init container that fails",
    {
      spec: { ...spec, initContainers: [{ name: "i" }] },
      status: {
        phase: "Pending",
        initContainerStatuses: [{ name: "i", restartCount: 2, state: { waiting: { reason: "CrashLoopBackOff" } } }],
      },
    },
    { STATUS: "Init:CrashLoopBackOff", RESTARTS: "2" },
  ],
  [
    "a sidecar",
    {
      spec: { ...spec, initContainers: [{ name: "s", restartPolicy: "Always" }] },
      status: {
        phase: "Running",
        initContainerStatuses: [{ name: "s", restartCount: 1, started: true, ready: true, state: { running: {} } }],
        containerStatuses: [running, running],
      },
    },
    { READY: "3/3", STATUS: "Running", RESTARTS: "1" },
  ],
  [
    "a pod that is deleted",
    {
      metadata: { name: "a", deletionTimestamp: "2024-01-01T01:00:00Z" },
      spec,
      status: { phase: "Running", containerStatuses: [running, running] },
    },
    { STATUS: "Terminating", AGE: "<unknown>" },
  ],
  ["an evicted pod", { spec, status: { phase: "Failed", reason: "Evicted" } }, { STATUS: "Evicted" }],
];

for (const [name, fields, want] of pods) test(`a pod's row: ${name}`, () => check("Pod", fields, want));

test("rows of other kinds are kubectl's", () => {
  const template = { spec: { containers: [{ name: "a", image: "nginx:1" }] } };
  check(
    "Deployment",
    {
      spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 },
    },
    {
      NAME: "web",
      READY: "2/3",
      "UP-TO-DATE": "3",
      AVAILABLE: "2",
      AGE: "5m",
      CONTAINERS: "a",
      IMAGES: "nginx:1",
      SELECTOR: "app=web",
    },
  );
  check(
    "ReplicaSet",
    { spec: { replicas: 3 }, status: { replicas: 2, readyReplicas: 1 } },
    { DESIRED: 3, CURRENT: 2, READY: 1 },
  );
  check(
    "Service",
    {
      spec: {
        type: "NodePort",
        clusterIP: "10.43.0.1",
        ports: [
          { port: 80, nodePort: 30_080, protocol: "TCP" },
          { port: 53, protocol: "UDP" },
        ],
      },
    },
    {
      TYPE: "NodePort",
      "CLUSTER-IP": "10.43.0.1",
      "EXTERNAL-IP": "<none>",
      "PORT(S)": "80:30080/TCP,53/UDP",
      SELECTOR: "<none>",
    },
  );
  check("Service", { spec: { type: "LoadBalancer" } }, { "EXTERNAL-IP": "<pending>", "PORT(S)": "<none>" });
  check(
    "Service",
    { spec: { type: "ExternalName", externalName: "x.org" } },
    { "EXTERNAL-IP": "x.org", "CLUSTER-IP": "<none>" },
  );
  check(
    "Node",
    {
      metadata: {
        name: "n",
        labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
      },
    },
    {
      STATUS: "Ready,SchedulingDisabled",
      ROLES: "control-plane,worker",
      "INTERNAL-IP": "10.0.0.1",
      "EXTERNAL-IP": "<none>",
    },
  );
  check(
    "Ingress",
    { spec: { ingressClassName: "x", rules: ["a", "b", "c", "d"].map((host) => ({ host })), tls: [{}] } },
    { CLASS: "x", HOSTS: "a,b,c + 1 more...", PORTS: "80, 443", ADDRESS: "" },
  );
  check(
    "Endpoints",
    { subsets: [{ addresses: [{ ip: "1.1.1.1" }, { ip: "2.2.2.2" }], ports: [{ port: 80 }, { port: 81 }] }] },
    { ENDPOINTS: "1.1.1.1:80,2.2.2.2:80,1.1.1.1:81 + 1 more..." },
  );
  check(
    "EndpointSlice",
    { addressType: "IPv4", endpoints: [], ports: [{ port: 80 }] },
    { PORTS: "80", ENDPOINTS: "<unset>" },
  );
  check("Secret", { type: "Opaque", data: { a: "", b: "" } }, { TYPE: "Opaque", DATA: "2" });
  check("Namespace", { status: { phase: "Active" } }, { STATUS: "Active" });
  check(
    "Job",
    { spec: { completions: 2 }, status: { succeeded: 1, startTime: "2024-01-01T00:59:00Z" } },
    { STATUS: "Running", COMPLETIONS: "1/2", DURATION: "60s" },
  );
  check(
    "CronJob",
    { spec: { schedule: "* * * * *", suspend: false } },
    { SUSPEND: "False", ACTIVE: 0, "LAST SCHEDULE": "<none>", TIMEZONE: "<none>" },
  );
  check(
    "PersistentVolumeClaim",
    {
      spec: { volumeName: "v" },
      status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
    },
    { STATUS: "Bound", CAPACITY: "1Gi", "ACCESS MODES": "RWO" },
  );
  check(
    "RoleBinding",
    { roleRef: { kind: "Role", name: "r" }, subjects: [{ kind: "ServiceAccount", name: "s", namespace: "n" }] },
    { ROLE: "Role/r", SERVICEACCOUNTS: "n/s" },
  );
  check(
    "Event",
    {
      involvedObject: { kind: "Pod", name: "a" },
      type: "Normal",
      reason: "Pulled",
      message: "ok\n",
      count: 3,
      firstTimestamp: "2024-01-01T00:00:00Z",
      lastTimestamp: "2024-01-01T00:59:30Z",
    },
    { "LAST SEEN": "30s", OBJECT: "pod/a", MESSAGE: "ok", COUNT: "3", "FIRST SEEN": "60m" },
  );
});

test("ages are worded as kubectl words them", () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  const cases: [number, string][] = [
    [0, "0s"],
    [119 * second, "119s"],
    [2 * minute, "2m"],
    [2 * minute + 5 * second, "2m5s"],
    [10 * minute + 5 * second, "10m"],
    [179 * minute, "179m"],
    [3 * hour, "3h"],
    [3 * hour + 5 * minute, "3h5m"],
    [47 * hour, "47h"],
    [2 * day, "2d"],
    [2 * day + 3 * hour, "2d3h"],
    [8 * day, "8d"],
    [400 * day, "400d"],
    [730 * day, "2y"],
    [800 * day, "2y70d"],
    [9 * 365 * day, "9y"],
    [-5 * second, "<invalid>"],
  ];
  for (const [ms, want] of cases) assert.equal(humanDuration(ms), want);
});

test("an Event and an HPA keep everything through their other version", () => {
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: { kind: "Pod" },
    message: "m",
    count: 2,
    reportingComponent: "c",
  };
  const events = servedKind("events.k8s.io/v1", "Event")?.version;
  const seen = events?.fromStorage?.(event);
  assert.deepEqual(seen, {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "e" },
    regarding: { kind: "Pod" },
    note: "m",
    deprecatedCount: 2,
    reportingController: "c",
  });
  assert.deepEqual(seen && events?.toStorage?.(seen), event);

  const metrics = [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } },
    { type: "Pods", pods: { metric: { name: "x" }, target: { type: "AverageValue", averageValue: "5" } } },
  ];
  const hpa = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "h", annotations: { a: "b" } },
    spec: { maxReplicas: 3, metrics, behavior: { scaleUp: {} } },
  };
  const v1 = servedKind("autoscaling/v1", "HorizontalPodAutoscaler")?.version;
  const old = v1?.fromStorage?.(hpa);
  assert.deepEqual(old?.["spec"], { maxReplicas: 3, targetCPUUtilizationPercentage: 60 });
  assert.deepEqual(old && v1?.toStorage?.(old), hpa);
});
