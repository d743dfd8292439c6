import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Ingress, Service } from "../../src/api/kinds.ts";
import { backend, raw, start } from "../../src/ingress/ingress-fixture.ts";
import { projectIngress } from "../../src/ingress/project-ingress.ts";
import type { IngressEndpoint } from "../../src/ingress/snapshot.ts";

/** The rows of ingress behaviour, from Kubernetes objects to the answers of a running server. */

const service = (name: string): Service => ({
  metadata: { name, namespace: "shop" },
  spec: { ports: [{ name: "http", port: 80 }] },
});

function slice(name: string, endpoints: readonly (IngressEndpoint & { ready?: boolean })[]): EndpointSlice[] {
  // Each test backend has a port of its own, so each has a slice of its own.
  return endpoints.map(({ address, port, local, ready = true }, index) => ({
    metadata: { name: `${name}-${index}`, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: [{ addresses: [address], nodeName: local ? "n1" : "n2", conditions: { ready } }],
  }));
}

const ingress: Ingress = {
  metadata: { name: "shop", namespace: "shop" },
  spec: {
    defaultBackend: { service: { name: "front", port: { number: 80 } } },
    rules: [
      {
        host: "shop.test",
        http: {
          paths: [
            { path: "/api", pathType: "Prefix", backend: { service: { name: "api", port: { name: "http" } } } },
            { path: "/api/health", pathType: "Exact", backend: { service: { name: "front", port: { number: 80 } } } },
            { path: "/empty", pathType: "Prefix", backend: { service: { name: "empty", port: { number: 80 } } } },
          ],
        },
      },
      {
        host: "*.shop.test",
        http: {
          paths: [{ pathType: "ImplementationSpecific", backend: { service: { name: "api", port: { number: 80 } } } }],
        },
      },
    ],
  },
};

test("an Ingress with its Services and EndpointSlices serves what its rules say", async (t) => {
  const answering = (name: string): ReturnType<typeof backend> =>
    backend(t, (request, response) => response.end(`${name} ${request.url}`));
  const [api, unready, far, front] = await Promise.all(["api", "unready", "far", "front"].map(answering));
  const { snapshot, problems } = projectIngress(
    {
      ingresses: [ingress],
      ingressClasses: [],
      services: [service("api"), service("front"), service("empty")],
      endpointSlices: [
        ...slice("api", [{ ...far!, local: false }, { ...unready!, ready: false }, api!]),
        ...slice("front", [front!]),
      ],
      secrets: [],
    },
    { nodeName: "n1" },
  );
  assert.deepEqual(problems, []);
  const { http } = await start(t, JSON.parse(JSON.stringify(snapshot)));
  const cases = [
    ["shop.test", "/api", 200, "api /api"],
    ["shop.test", "/api/v1?q=%20", 200, "api /api/v1?q=%20"],
    ["SHOP.test:8080", "/api/", 200, "api /api/"],
    ["shop.test", "/api/health", 200, "front /api/health"],
    ["shop.test", "/apix", 200, "front /apix"],
    ["shop.test", "/empty", 503, ""],
    ["a.shop.test", "/any", 200, "api /any"],
    ["a.b.shop.test", "/any", 404, ""],
    ["other.test", "/", 404, ""],
  ] as const;
  for (const [host, path, status, body] of cases) {
    const answer = await raw(http, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${host}${path}`);
    assert.ok(answer.includes(body), `${host}${path}: ${answer}`);
  }
});
