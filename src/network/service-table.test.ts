import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Service } from "../api/kinds.ts";
import { projectServiceTable, type ServiceEntry, targetAddresses } from "./service-table.ts";

type Spec = NonNullable<Service["spec"]>;

const service = (spec: Partial<Spec>): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name: "web" },
  spec: { clusterIP: "10.43.0.7", ports: [{ name: "http", port: 80, protocol: "TCP" }], ...spec } as Spec,
});

const slice = (overrides: Partial<EndpointSlice> = {}): EndpointSlice =>
  ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: [
      { addresses: ["10.42.0.5"], nodeName: "here", conditions: { ready: true } },
      { addresses: ["10.42.1.5"], nodeName: "there", conditions: { ready: true } },
      { addresses: ["10.42.0.6"], nodeName: "here", conditions: { ready: false } },
    ],
    ...overrides,
  }) as EndpointSlice;

const both = [
  { ip: "10.42.0.5", port: 8080 },
  { ip: "10.42.1.5", port: 8080 },
];
const here = both.slice(0, 1);
const base: ServiceEntry = {
  id: "shop/web:80/tcp",
  protocol: "tcp",
  addresses: ["10.43.0.7"],
  port: 80,
  targets: both,
};

const CASES: readonly {
  name: string;
  spec: Partial<Spec>;
  slices?: readonly EndpointSlice[];
  entries: readonly ServiceEntry[];
}[] = [
  { name: "sends to ready endpoints", spec: {}, entries: [base] },
  { name: "without slices has no targets", spec: {}, slices: [], entries: [{ ...base, targets: [] }] },
  { name: "that is headless has no part in it", spec: { clusterIP: "None" }, entries: [] },
  { name: "without an address yet has no part in it", spec: { clusterIP: "" }, entries: [] },
  { name: "that names an outside host has no part in it", spec: { type: "ExternalName" }, entries: [] },
  {
    name: "with node port sends outside clients everywhere",
    spec: { ports: [{ name: "http", port: 80, nodePort: 30080 }] },
    entries: [{ ...base, node: { port: 30080, targets: both, keepsClientAddress: false } }],
  },
  {
    name: "with externalTrafficPolicy Local keeps outside clients here",
    spec: { externalTrafficPolicy: "Local", ports: [{ name: "http", port: 80, nodePort: 30080 }] },
    entries: [{ ...base, node: { port: 30080, targets: here, keepsClientAddress: true } }],
  },
  {
    name: "with internalTrafficPolicy Local stays here",
    spec: { internalTrafficPolicy: "Local" },
    entries: [{ ...base, targets: here }],
  },
  {
    name: "with affinity takes upstream's time where none is given",
    spec: { sessionAffinity: "ClientIP" },
    entries: [{ ...base, affinitySeconds: 10_800 }],
  },
  {
    name: "with affinity takes the given time",
    spec: { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    entries: [{ ...base, affinitySeconds: 60 }],
  },
  {
    name: "joins ports by name and protocol",
    spec: {
      ports: [
        { name: "http", port: 80 },
        { name: "http", port: 80, protocol: "UDP" },
        { name: "x", port: 81 },
      ],
    },
    entries: [
      base,
      { ...base, id: "shop/web:80/udp", protocol: "udp", targets: [] },
      { ...base, id: "shop/web:81/tcp", port: 81, targets: [] },
    ],
  },
  {
    name: "leaves IPv6 out",
    spec: { clusterIPs: ["10.43.0.7", "fd00::7"] },
    slices: [slice(), slice({ addressType: "IPv6", endpoints: [{ addresses: ["fd00::5"] }] })],
    entries: [base],
  },
];

for (const { name, spec, slices = [slice()], entries } of CASES) {
  test(`a service ${name}`, () => {
    assert.deepEqual(
      projectServiceTable({ services: [service(spec)], endpointSlices: slices, nodeName: "here" }),
      entries,
    );
  });
}

test("the addresses in use are those of all targets", () => {
  const node = { port: 30080, targets: here, keepsClientAddress: true };
  assert.deepEqual(targetAddresses([{ ...base, targets: both.slice(1), node }]), new Set(["10.42.0.5", "10.42.1.5"]));
});
