import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "../../api/kinds.ts";
import { hostsFile, resolvConf } from "./network-files.ts";

const cluster = { dnsServers: ["10.43.0.10"], dnsSearches: ["ns.svc.example"], dnsOptions: ["ndots:5"] };
const host = "nameserver 192.0.2.1\nsearch lan\n";

const cases: readonly { name: string; spec: Partial<PodSpec>; reached?: false; servers: string[] }[] = [
  { name: "ClusterFirst", spec: {}, servers: ["10.43.0.10"] },
  { name: "ClusterFirst on the host's network", spec: { hostNetwork: true }, servers: ["192.0.2.1"] },
  {
    name: "ClusterFirstWithHostNet",
    spec: { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    servers: ["10.43.0.10"],
  },
  {
    name: "ClusterFirstWithHostNet where the host does not reach the cluster's DNS",
    spec: { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    reached: false,
    servers: ["192.0.2.1"],
  },
  { name: "Default", spec: { dnsPolicy: "Default" }, servers: ["192.0.2.1"] },
  { name: "None", spec: { dnsPolicy: "None", dnsConfig: { nameservers: ["192.0.2.9"] } }, servers: ["192.0.2.9"] },
];

for (const { name, spec, reached, servers } of cases) {
  test(`the name servers of ${name}`, () => {
    const text = resolvConf(
      { spec: { containers: [], ...spec } },
      { cluster: reached === false ? undefined : cluster, host },
    );
    assert.deepEqual(
      [...text.matchAll(/^nameserver (.*)$/gm)].map(([, server]) => server),
      servers,
    );
  });
}

test("a pod with a subdomain has its full name in the cluster's domain", () => {
  const pod = { metadata: { namespace: "ns" }, spec: { containers: [], subdomain: "peers" } };
  const text = hostsFile(pod, { ip: "10.42.0.9", hostname: "a", clusterDomain: "example.org" });
  assert.match(text, /^10\.42\.0\.9\ta\.peers\.ns\.svc\.example\.org\ta$/m);
});
