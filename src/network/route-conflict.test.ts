import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange } from "./ipv4-range.ts";
import { type HostRoute, routeConflict } from "./route-conflict.ts";

const pods = { range: parseRange("10.42.0.0/16"), flag: "--pod-cidr" };
const services = { range: parseRange("10.43.0.0/16"), flag: "--service-cidr" };

const CASES: readonly { name: string; routes: readonly HostRoute[]; refused?: RegExp }[] = [
  { name: "the default route", routes: [{ dst: "default", dev: "eth0" }, { dst: "0.0.0.0/0" }] },
  {
    name: "neighbouring networks",
    routes: [
      { dst: "10.41.0.0/16", dev: "eth0" },
      { dst: "10.44.0.0/16", dev: "eth0" },
    ],
  },
  { name: "our own bridge's routes", routes: [{ dst: "10.42.0.0/24", dev: "podswarm0" }] },
  {
    name: "a network inside",
    routes: [{ dst: "10.42.7.0/24", dev: "vpn0" }],
    refused:
      /^Cannot use --pod-cidr 10\.42\.0\.0\/16: this host has a route to 10\.42\.7\.0\/24 over vpn0, .*--pod-cidr$/,
  },
  { name: "a network around", routes: [{ dst: "10.0.0.0/8", dev: "vpn0" }], refused: /route to 10\.0\.0\.0\/8/ },
  { name: "a single host inside", routes: [{ dst: "10.43.0.10", dev: "eth0" }], refused: /--service-cidr 10\.43/ },
];

for (const { name, routes, refused } of CASES) {
  test(`${name} ${refused === undefined ? "do" : "does"} ${refused === undefined ? "not conflict" : "conflict"}`, () => {
    const found = routeConflict([pods, services], routes, "podswarm0");
    if (refused === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", refused);
  });
}

test("ranges that overlap one another are refused", () => {
  const wide = { range: parseRange("10.40.0.0/13"), flag: "--pod-cidr" };
  assert.match(routeConflict([wide, services], [], "podswarm0") ?? "", /they overlap$/);
});

for (const text of [
  "10.42.0.0",
  "10.42.0.1/16",
  "10.42.0.0/33",
  "10.42.0/16",
  "a/8",
  "10.256.0.0/16",
  "fd00::/64",
  "010.0.0.0/8",
]) {
  test(`${text} is not an IPv4 range`, () => assert.throws(() => parseRange(text), /Cannot read/));
}
