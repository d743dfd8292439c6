import assert from "node:assert/strict";
import { test } from "node:test";
import { mappedId } from "./drop-privileges.ts";

const CASES = [
  { name: "the whole system", map: "         0          0 4294967295\n", wanted: 64790, id: 64790 },
  { name: "a usual user namespace", map: " 0 1000 1\n 1 100000 65536\n", wanted: 64790, id: 64790 },
  { name: "a small user namespace", map: " 0 1000 1\n 1 100000 1000\n", wanted: 64790, id: 1000 },
  { name: "a user namespace of one", map: " 0 1000 1\n", wanted: 64790, id: 0 },
];

for (const { name, map, wanted, id } of CASES) {
  test(`in ${name}, user ${wanted} becomes ${id}`, () => assert.equal(mappedId(map, wanted), id));
}
