import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, ServicePort } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import { servicePods } from "./service-pods.ts";

const service = (ports: ServicePort[], more: object = {}): Stored<"Service"> => ({
  metadata: { name: "web", namespace: "default", uid: "s" },
  spec: { selector: { app: "web" }, ports, ...more },
});

function pod(
  spec: Partial<NonNullable<Pod["spec"]>> = {},
  more: { phase?: string; leaving?: boolean } = {},
): Stored<"Pod"> {
  const ports = [
    { name: "http", containerPort: 8080 },
    { name: "dns", containerPort: 53, protocol: "UDP" },
  ];
  const leaving = more.leaving === true ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  return {
    metadata: { name: "p", namespace: "default", uid: "p", labels: { app: "web" }, ...leaving },
    spec: { containers: [{ name: "c", ports }], ...spec },
    status: {
      phase: more.phase ?? "Running",
      podIP: "10.42.0.2",
      podIPs: [{ ip: "10.42.0.2" }, { ip: "fd00::2" }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

const named = (name: string, protocol = "TCP"): ServicePort => ({ port: 80, protocol, targetPort: name as never });

test("ports come by number, by name and protocol, and are left out where a pod has none of that name", () => {
  const cases: [ServicePort[], number[]][] = [
    [[{ port: 80 }], [80]],
    [[{ port: 80, targetPort: 9 as never }], [9]],
    [[named("http")], [8080]],
    [[named("dns", "UDP")], [53]],
    [[named("http"), named("none")], [8080]],
  ];
  for (const [ports, want] of cases) {
    const [found] = servicePods(service(ports), [pod()], "IPv4");
    assert.deepEqual(
      found?.ports.map(({ port }) => port),
      want,
    );
  }
  assert.deepEqual(servicePods(service([named("dns", "TCP")]), [pod()], "IPv4"), []);
});

test("a headless service without ports has endpoints without ports", () => {
  const [found] = servicePods(service([], { clusterIP: "None" }), [pod()], "IPv4");
  assert.deepEqual(found?.ports, []);
});

test("a pod that ends still serves but is not ready, and a finished one is gone", () => {
  const [found] = servicePods(service([{ port: 80 }]), [pod({}, { leaving: true })], "IPv4");
  assert.deepEqual([found?.ready, found?.serving, found?.terminating], [false, true, true]);
  assert.deepEqual(servicePods(service([{ port: 80 }]), [pod({}, { phase: "Failed" })], "IPv4"), []);
});

test("each family has its own address", () => {
  const [found] = servicePods(service([{ port: 80 }]), [pod()], "IPv6");
  assert.equal(found?.address, "fd00::2");
});

test("a hostname counts only under the service that the subdomain names", () => {
  const names = [pod({ hostname: "a", subdomain: "web" }), pod({ hostname: "a", subdomain: "other" })].map(
    (one) => servicePods(service([{ port: 80 }]), [one], "IPv4")[0]?.hostname,
  );
  assert.deepEqual(names, ["a", undefined]);
});
