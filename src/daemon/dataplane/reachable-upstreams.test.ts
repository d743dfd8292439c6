import assert from "node:assert/strict";
import { test } from "node:test";
import { reachableUpstreams } from "./reachable-upstreams.ts";

const INSIDE = "search example.com\nnameserver 10.0.2.3\nnameserver 8.8.8.8\n";

const cases: { name: string; upstreams: string[]; inside?: string; reachable: string[] }[] = [
  {
    name: "the host's own resolver is asked through the forwarder",
    upstreams: ["127.0.0.53:53"],
    reachable: ["10.0.2.3:53"],
  },
  { name: "resolvers elsewhere are asked directly", upstreams: ["192.0.2.1:53"], reachable: ["192.0.2.1:53"] },
  { name: "the order stays", upstreams: ["192.0.2.1:53", "[::1]:53"], reachable: ["192.0.2.1:53", "10.0.2.3:53"] },
  { name: "two on loopback are one forwarder", upstreams: ["127.0.0.1:53", "[::1]:53"], reachable: ["10.0.2.3:53"] },
  { name: "without a forwarder there is nobody to ask", upstreams: ["127.0.0.53:53"], inside: "", reachable: [] },
];

for (const { name, upstreams, inside = INSIDE, reachable } of cases) {
  test(name, () => assert.deepEqual(reachableUpstreams(upstreams, inside), reachable));
}
