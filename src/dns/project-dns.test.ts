import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Service } from "../api/kinds.ts";
import { ipBytes, rangeTest, reverseAddress } from "./ip-bytes.ts";
import { projectDns } from "./project-dns.ts";
import { parseUpstream, resolvConfUpstreams } from "./upstream-address.ts";

const config = { domain: "Cluster.Local.", ranges: ["10.43.0.0/16"], upstreams: ["192.0.2.53:53"] };

function service(name: string, spec: NonNullable<Service["spec"]>): Service {
  return { metadata: { name, namespace: "default" }, spec };
}

function slice(
  name: string,
  endpoints: NonNullable<EndpointSlice["endpoints"]>,
  ports: NonNullable<EndpointSlice["ports"]> = [],
): EndpointSlice {
  const labels = { "kubernetes.io/service-name": name };
  return { metadata: { name: `${name}-x`, namespace: "default", labels }, addressType: "IPv4", endpoints, ports };
}

test("services become virtual, headless and external entries; only ready endpoints are named", () => {
  const snapshot = projectDns(
    {
      services: [
        service("web", { clusterIP: "10.43.0.1", ports: [{ name: "http", port: 80 }] }),
        service("db", { clusterIP: "None" }),
        service("early", { clusterIP: "None", publishNotReadyAddresses: true }),
        service("out", { type: "ExternalName", externalName: "Example.COM." }),
        service("pending", { ports: [{ port: 1 }] }),
      ],
      endpointSlices: [
        slice(
          "db",
          [
            { addresses: ["10.42.0.2"], conditions: { ready: true }, hostname: "db-0" },
            { addresses: ["10.42.0.3"], conditions: { ready: false } },
            { addresses: ["10.42.0.4"] },
          ],
          [{ name: "sql", port: 5432, protocol: "TCP" }],
        ),
        slice("early", [{ addresses: ["10.42.0.5"], conditions: { ready: false } }]),
      ],
      pods: [{ metadata: { name: "a", namespace: "x" }, status: { podIP: "10.42.0.9" } }],
    },
    config,
  );
  const sql = [{ name: "sql", protocol: "tcp", port: 5432 }];
  assert.equal(snapshot.domain, "cluster.local");
  assert.deepEqual(snapshot.pods, { x: ["10.42.0.9"] });
  assert.deepEqual(snapshot.services, {
    "default/web": { type: "virtual", addresses: ["10.43.0.1"], ports: [{ name: "http", protocol: "tcp", port: 80 }] },
    "default/db": {
      type: "headless",
      endpoints: [
        { address: "10.42.0.2", hostname: "db-0", ports: sql },
        { address: "10.42.0.4", ports: sql },
      ],
    },
    "default/early": { type: "headless", endpoints: [{ address: "10.42.0.5", ports: [] }] },
    "default/out": { type: "external", target: "example.com" },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
});

test("endpoints of suspected nodes are left out, unless they are more than half", () => {
  const endpoints = ["a", "b", "c"].map((nodeName, index) => ({ addresses: [`10.42.0.${index}`], nodeName }));
  const names = (suspected: string[]): number => {
    const entry = projectDns(
      { services: [service("db", { clusterIP: "None" })], endpointSlices: [slice("db", endpoints)] },
      { ...config, suspectedNodes: new Set(suspected) },
    ).services["default/db"];
    return entry?.type === "headless" ? entry.endpoints.length : -1;
  };
  assert.deepEqual([names([]), names(["a"]), names(["a", "b"])], [3, 2, 3]);
});

test("addresses, ranges and reverse names are read as they are written", () => {
  assert.equal(ipBytes("fd00::1:a")?.toString("hex"), "fd00000000000000000000000001000a");
  assert.equal(ipBytes("::ffff:10.0.0.1")?.toString("hex"), "00000000000000000000ffff0a000001");
  assert.equal(ipBytes("::")?.toString("hex"), "0".repeat(32));
  assert.equal(ipBytes("1.2.3"), undefined);
  const within = rangeTest(["10.42.0.0/15", "fd00::/8", "nonsense"]);
  assert.deepEqual(
    ["10.43.255.255", "10.44.0.0", "fdff::1", "fe00::"].map((text) => within(ipBytes(text)!)),
    [true, false, true, false],
  );
  assert.deepEqual(reverseAddress(["4", "3", "2", "1", "in-addr", "arpa"]), Buffer.from([1, 2, 3, 4]));
  assert.equal(reverseAddress(["3", "2", "1", "in-addr", "arpa"]), "partial");
  assert.equal(reverseAddress(["256", "2", "1", "0", "in-addr", "arpa"]), undefined);
});

test("upstreams are read from flags and from resolv.conf, without ourselves", () => {
  assert.deepEqual(parseUpstream("1.1.1.1"), { host: "1.1.1.1", port: 53, family: 4 });
  assert.deepEqual(parseUpstream("[::1]:5353"), { host: "::1", port: 5353, family: 6 });
  assert.deepEqual(parseUpstream("::1"), { host: "::1", port: 53, family: 6 });
  for (const bad of ["", "example.com", "1.2.3.4:0", "1.2.3.4:99999", "[1.2.3.4]:53", "1.2.3"]) {
    assert.equal(parseUpstream(bad), undefined, bad);
  }
  const text =
    "# x\nnameserver 10.42.0.1\nnameserver 192.0.2.1\n nameserver fe80::1\nnameserver 192.0.2.1\nsearch a b\n";
  assert.deepEqual(resolvConfUpstreams(text, ["10.42.0.1"]), ["192.0.2.1:53", "[fe80::1]:53"]);
});
