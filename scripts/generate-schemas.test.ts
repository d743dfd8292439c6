import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { generateSchemas } from "./generate-schemas.ts";

const generated = generateSchemas();

for (const name of ["schemas", "descriptions"] as const) {
  test(`src/api/generated/${name}.json is what the generator writes (node scripts/generate-schemas.ts)`, () => {
    const committed = readFileSync(new URL(`../src/api/generated/${name}.json`, import.meta.url), "utf8");
    assert.equal(committed, generated[name]);
  });
}
