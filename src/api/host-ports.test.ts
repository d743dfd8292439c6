import assert from "node:assert/strict";
import { test } from "node:test";
import { collide, hostPorts } from "./host-ports.ts";
import type { PodSpec } from "./kinds.ts";

test("a pod takes the host's ports that its containers and sidecars name, and all of its own on the host's network", () => {
  const spec: PodSpec = {
    initContainers: [
      { name: "once", ports: [{ containerPort: 1, hostPort: 1 }] },
      { name: "sidecar", restartPolicy: "Always", ports: [{ containerPort: 2, hostPort: 20, hostIP: "10.0.0.1" }] },
    ],
    containers: [{ name: "c", ports: [{ containerPort: 3 }, { containerPort: 4, hostPort: 40, protocol: "UDP" }] }],
  };
  const udp = { ip: "0.0.0.0", port: 40, protocol: "UDP" };
  const sidecar = { ip: "10.0.0.1", port: 20, protocol: "TCP" };
  assert.deepEqual(hostPorts({ spec }), [udp, sidecar]);
  const own = { ip: "0.0.0.0", port: 3, protocol: "TCP" };
  assert.deepEqual(hostPorts({ spec: { ...spec, hostNetwork: true } }), [own, udp, sidecar]);
});

test("ports collide on the same address, and with those on all addresses", () => {
  const at = (ip: string, port = 80, protocol = "TCP") => ({ ip, port, protocol });
  assert.equal(collide(at("10.0.0.1"), at("10.0.0.1")), true);
  assert.equal(collide(at("10.0.0.1"), at("10.0.0.2")), false);
  for (const all of ["0.0.0.0", "::"]) assert.equal(collide(at(all), at("10.0.0.2")), true);
  assert.equal(collide(at("0.0.0.0"), at("0.0.0.0", 81)), false);
  assert.equal(collide(at("0.0.0.0"), at("0.0.0.0", 80, "UDP")), false);
});
