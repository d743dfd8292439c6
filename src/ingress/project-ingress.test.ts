import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Ingress, IngressClass, Service } from "../api/kinds.ts";
import { INGRESS_CONTROLLER, ingressStatus, projectIngress, type IngressObjects } from "./project-ingress.ts";

const config = { nodeName: "n1" };

function service(name: string, spec: NonNullable<Service["spec"]> = {}): Service {
  return { metadata: { name, namespace: "default" }, spec: { ports: [{ name: "http", port: 80 }], ...spec } };
}

const slice: EndpointSlice = {
  metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  ports: [
    { name: "http", port: 8080, protocol: "TCP" },
    { name: "metrics", port: 9090, protocol: "TCP" },
  ],
  endpoints: [
    { addresses: ["10.42.1.2"], nodeName: "n2", conditions: { ready: true } },
    { addresses: ["10.42.0.2"], nodeName: "n1", conditions: { ready: true } },
    { addresses: ["10.42.0.3"], nodeName: "n1", conditions: { ready: false, serving: true, terminating: true } },
  ],
};

type Path = [path: string, service: string, port: string | number, type?: string];

function ingress(name: string, paths: Path[], extra: Partial<Ingress> & { host?: string } = {}): Ingress {
  const { host = "a.test", metadata, spec } = extra;
  return {
    metadata: { name, namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
    spec: {
      rules: [
        {
          host,
          http: {
            paths: paths.map(([path, service, port, pathType = "Prefix"]) => ({
              path,
              pathType,
              backend: {
                service: { name: service, port: typeof port === "string" ? { name: port } : { number: port } },
              },
            })),
          },
        },
      ],
      ...spec,
    },
  };
}

function project(ingresses: Ingress[], extra: Partial<IngressObjects> = {}) {
  return projectIngress(
    { ingresses, ingressClasses: [], services: [service("web")], endpointSlices: [slice], secrets: [], ...extra },
    config,
  );
}

test("rules name their backends' ready endpoints, by the service port's number or name", () => {
  const { snapshot, problems } = project([
    ingress("one", [
      ["/foo/", "web", 80],
      ["/x", "web", "http", "Exact"],
      ["/y", "web", 80, "ImplementationSpecific"],
    ]),
  ]);
  assert.deepEqual(problems, []);
  const endpoints = [
    { address: "10.42.0.2", port: 8080, local: true },
    { address: "10.42.1.2", port: 8080, local: false },
  ];
  assert.deepEqual(snapshot.backends, { "default/web:80": { endpoints }, "default/web:http": { endpoints } });
  assert.deepEqual(
    snapshot.rules.map(({ host, type, path, backend }) => [host, type, path, backend]),
    [
      ["a.test", "Prefix", "/foo", "default/web:80"],
      ["a.test", "Exact", "/x", "default/web:http"],
      ["a.test", "Prefix", "/y", "default/web:80"],
    ],
  );
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
});

test("what cannot work is told, and the rest works all the same", () => {
  const { snapshot, problems } = project(
    [
      ingress("late", [["/taken", "other", 80]], { metadata: { creationTimestamp: "2026-02-01T00:00:00Z" } }),
      ingress("early", [
        ["/taken", "web", 80],
        ["/gone", "gone", 80],
        ["/port", "web", 81],
        ["/name", "outside", 80],
        ["/udp", "udp", 53],
      ]),
      ingress("tls", [], { spec: { tls: [{ secretName: "none" }] } }),
      ingress("classless", [], { spec: { ingressClassName: "nginx" } }),
    ],
    {
      services: [
        service("web"),
        service("other"),
        service("outside", { type: "ExternalName", externalName: "localhost" }),
        service("udp", { ports: [{ port: 53, protocol: "UDP" }] }),
      ],
    },
  );
  const told = (name: string): string[] =>
    problems.filter(({ ingress }) => ingress.name === name).map(({ message }) => message);
  assert.match(told("late").join("|"), /^Path \/taken of host "a\.test" is not served: Ingress default\/early/);
  assert.match(told("early").join("|"), /"gone" does not exist.*no port 81.*ExternalName.*not TCP/s);
  assert.deepEqual(told("tls"), ['Secret "none" gives no certificate: it does not exist']);
  assert.match(told("classless").join(), /no IngressClass "nginx"/);
  assert.equal(snapshot.rules.find(({ path }) => path === "/taken")?.backend, "default/web:80");
  assert.deepEqual(snapshot.backends["default/outside:80"], { endpoints: [] });
});

test("the class decides who serves an Ingress", () => {
  const classOf = (name: string, controller: string, isDefault = false): IngressClass => ({
    metadata: {
      name,
      ...(isDefault ? { annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } } : {}),
    },
    spec: { controller },
  });
  const ours = classOf("swarm", INGRESS_CONTROLLER);
  const theirs = classOf("nginx", "k8s.io/ingress-nginx");
  const theirDefault = classOf("nginx", "k8s.io/ingress-nginx", true);
  const named = (ingressClassName?: string): Ingress =>
    ingress("one", [], ingressClassName === undefined ? {} : { spec: { ingressClassName } });
  const cases: [Ingress, IngressClass[], number][] = [
    [named(), [], 1],
    [named(), [ours, theirs], 1],
    [named(), [ours, theirDefault], 0],
    [named("swarm"), [ours, theirDefault], 1],
    [named("nginx"), [ours, theirs], 0],
    [ingress("one", [], { metadata: { annotations: { "kubernetes.io/ingress.class": "swarm" } } }), [ours], 1],
  ];
  for (const [one, ingressClasses, served] of cases)
    assert.equal(project([one], { ingressClasses }).served.length, served);
});

test("a default backend serves what its own hosts leave, or everything where it has no rules", () => {
  const defaultBackend = { service: { name: "web", port: { number: 80 } } };
  const { snapshot } = project([
    ingress("with-rules", [["/x", "web", "http"]], {
      spec: { ...ingress("", [["/x", "web", "http"]]).spec, defaultBackend },
    }),
    { metadata: { name: "alone", namespace: "default" }, spec: { defaultBackend } },
  ]);
  assert.equal(snapshot.defaultBackend, "default/web:80");
  assert.deepEqual(
    snapshot.rules.map(({ path, backend }) => [path, backend]),
    [
      ["/x", "default/web:http"],
      ["/", "default/web:80"],
    ],
  );
});

test("the status names the addresses under which the ingress is reached", () => {
  assert.deepEqual(ingressStatus(["192.0.2.1"]), { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } });
});
