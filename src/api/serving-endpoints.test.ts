import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "./kinds.ts";
import { groupSlices, servingEndpoints } from "./serving-endpoints.ts";

const slice = (name: string, endpoints: EndpointSlice["endpoints"] & object, service = "web"): EndpointSlice => ({
  metadata: { name, namespace: "a", labels: { "kubernetes.io/service-name": service } },
  addressType: "IPv4",
  ports: [{ name: "", port: 80, protocol: "TCP" }],
  endpoints,
});

test("slices are grouped under their service, those of no service left out", () => {
  const groups = groupSlices([
    slice("1", []),
    slice("2", []),
    slice("3", [], "db"),
    { ...slice("4", []), metadata: {} },
  ]);
  assert.deepEqual(
    [...groups].map(([key, group]) => [key, group.map(({ metadata }) => metadata?.name)]),
    [
      ["a/web", ["1", "2"]],
      ["a/db", ["3"]],
    ],
  );
});

test("ready endpoints are named once, in a stable order, whatever slices they come from", () => {
  const one = { addresses: ["10.0.0.2"], nodeName: "n2", conditions: { ready: true } };
  const two = { addresses: ["10.0.0.1"], nodeName: "n1" };
  const not = { addresses: ["10.0.0.3"], conditions: { ready: false } };
  const slices = [slice("1", [one, not]), slice("2", [two, one])];
  const addresses = (service: object, suspected: string[] = []): string[] =>
    servingEndpoints({ spec: service }, slices, { suspectedNodes: new Set(suspected) }).map(({ address }) => address);
  assert.deepEqual(addresses({}), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(addresses({ publishNotReadyAddresses: true }), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  assert.deepEqual(addresses({}, ["n2"]), ["10.0.0.1"]);
  assert.deepEqual(addresses({}, ["n1", "n2"]), ["10.0.0.1", "10.0.0.2"]);
});

test("what is no address or port serves nothing", () => {
  const bad = slice("1", [{ addresses: ["10.0.0.1 : 80 } ; flush ruleset"] }, { addresses: ["10.0.0.2"] }]);
  const port = { ...slice("2", [{ addresses: ["10.0.0.3"] }]), ports: [{ name: "", port: 1.5 }, { port: 99_999 }] };
  const found = servingEndpoints({}, [bad, port as EndpointSlice]);
  assert.deepEqual(
    found.map(({ address, ports }) => [address, ports.length]),
    [
      ["10.0.0.2", 1],
      ["10.0.0.3", 0],
    ],
  );
});
