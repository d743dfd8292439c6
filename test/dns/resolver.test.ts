import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { test, type TestContext } from "node:test";
import type { EndpointSlice, Pod, Service } from "../../src/api/kinds.ts";
import { start, upstream } from "../../src/dns/dns-fixture.ts";
import { projectDns } from "../../src/dns/project-dns.ts";

/** The rows of DNS behaviour, from Kubernetes objects to what an independent resolver (Node's c-ares) makes of them. */

const config = { domain: "cluster.local", ranges: ["10.42.0.0/16", "10.43.0.0/16"] };

const service = (name: string, spec: Service["spec"] & object): Service => ({
  metadata: { name, namespace: "shop" },
  spec,
});

const services = [
  service("web", { clusterIP: "10.43.0.10", clusterIPs: ["10.43.0.10"], ports: [{ name: "http", port: 80 }] }),
  service("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
  service("ext", { type: "ExternalName", externalName: "example.test" }),
];

const endpointSlices: EndpointSlice[] = [
  {
    metadata: { name: "db-1", namespace: "shop", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
    endpoints: [
      { addresses: ["10.42.0.5"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.42.1.5"], hostname: "db-1", conditions: { ready: true } },
      { addresses: ["10.42.2.5"], hostname: "db-2", conditions: { ready: false } },
    ],
  },
];

const pods: Pod[] = [{ metadata: { name: "db-0", namespace: "shop" }, status: { podIP: "10.42.0.5" } }];

async function resolver(t: TestContext) {
  const up = await upstream(t, (asked, reply) => {
    const { name, type } = asked.questions![0]!;
    return reply({ answers: type === "A" ? [{ type: "A", name, ttl: 30, data: "192.0.2.7" }] : [] });
  });
  const project = (changed: readonly EndpointSlice[] = endpointSlices): ReturnType<typeof projectDns> =>
    projectDns({ services, endpointSlices: changed, pods }, { ...config, upstreams: [up.address] });
  const { port, server } = await start(t, { applied: project() });
  const made = new Resolver({ timeout: 10_000, tries: 2 });
  made.setServers([`127.0.0.1:${port}`]);
  return { resolver: made, server, project };
}

test("an independent resolver finds services, endpoints, pods and outside names", async (t) => {
  const { resolver: dns } = await resolver(t);
  assert.deepEqual(await dns.resolve4("web.shop.svc.cluster.local"), ["10.43.0.10"]);
  assert.deepEqual(await dns.resolve4("web.shop.cluster.local"), ["10.43.0.10"]);
  assert.deepEqual((await dns.resolve4("db.shop.svc.cluster.local")).toSorted(), ["10.42.0.5", "10.42.1.5"]);
  assert.deepEqual(await dns.resolve4("db-1.db.shop.svc.cluster.local"), ["10.42.1.5"]);
  assert.deepEqual(await dns.resolve4("10-42-0-5.shop.pod.cluster.local"), ["10.42.0.5"]);
  assert.deepEqual(await dns.resolve4("ext.shop.svc.cluster.local"), ["192.0.2.7"]);
  assert.deepEqual(await dns.resolveCname("ext.shop.svc.cluster.local"), ["example.test"]);
  assert.deepEqual(await dns.resolve4("other.test"), ["192.0.2.7"]);
  assert.deepEqual(await dns.resolveTxt("dns-version.cluster.local"), [["1.1.0"]]);
  assert.deepEqual(await dns.reverse("10.43.0.10"), ["web.shop.svc.cluster.local"]);
  assert.deepEqual(await dns.reverse("10.42.0.5"), ["db-0.db.shop.svc.cluster.local"]);
  const [web] = await dns.resolveSrv("_http._tcp.web.shop.svc.cluster.local");
  assert.deepEqual([web?.name, web?.port], ["web.shop.svc.cluster.local", 80]);
  const targets = (await dns.resolveSrv("_sql._tcp.db.shop.svc.cluster.local")).map(
    ({ name, port }) => `${name}:${port}`,
  );
  assert.deepEqual(targets.toSorted(), ["db-0.db.shop.svc.cluster.local:5432", "db-1.db.shop.svc.cluster.local:5432"]);
  const soa = await dns.resolveSoa("cluster.local");
  assert.equal(soa.minttl, 5);
});

test("absent names and absent types are told apart", async (t) => {
  const { resolver: dns } = await resolver(t);
  await assert.rejects(dns.resolve4("gone.shop.svc.cluster.local"), { code: "ENOTFOUND" });
  await assert.rejects(dns.resolve4("db-2.db.shop.svc.cluster.local"), { code: "ENOTFOUND" });
  await assert.rejects(dns.resolve6("web.shop.svc.cluster.local"), { code: "ENODATA" });
  await assert.rejects(dns.resolve6("other.test"), { code: "ENODATA" });
});

test("an endpoint that is no longer ready is gone from the next answer", async (t) => {
  const { resolver: dns, server, project } = await resolver(t);
  assert.equal((await dns.resolve4("db.shop.svc.cluster.local")).length, 2);
  const [slice] = endpointSlices;
  const endpoints = slice!.endpoints!.map((one) => ({ ...one, conditions: { ready: one.hostname === "db-1" } }));
  server.apply(project([{ ...slice!, endpoints }]));
  assert.deepEqual(await dns.resolve4("db.shop.svc.cluster.local"), ["10.42.1.5"]);
});
