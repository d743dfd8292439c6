import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { completeLock, missingOptional, type Lock } from "../scripts/complete-lock.ts";
import { root } from "../scripts/root.ts";

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;

test("the lock holds every platform's packages, or npm ci refuses it elsewhere (npm run lock mends it)", () => {
  assert.deepEqual([...missingOptional(lock).keys()], []);
});

test("a completed lock has the platform of what was missing", () => {
  const done = completeLock({
    packages: {
      "node_modules/x": { optionalDependencies: { "@x/binding-linux-x64-musl": "1.0.0", "@x/win32-arm64": "1.0.0" } },
    },
  });
  assert.deepEqual(done.packages["node_modules/@x/binding-linux-x64-musl"], {
    version: "1.0.0",
    cpu: ["x64"],
    dev: true,
    libc: ["musl"],
    optional: true,
    os: ["linux"],
  });
  assert.deepEqual(done.packages["node_modules/@x/win32-arm64"]?.["os"], ["win32"]);
});
