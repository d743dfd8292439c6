import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { isolateThroughSysfs } from "./sysfs-ports.ts";

// Any interface that this machine has serves as the bridge: only its hardware address is asked for.
const [name = "", [info] = []] = Object.entries(networkInterfaces())[0] ?? [];

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), "sysfs-"));
  for (const port of ["veth0", "veth1"]) mkdirSync(join(sys, name, "brif", port), { recursive: true });
  writeFileSync(join(sys, name, "address"), `${info?.mac}\n`);
  writeFileSync(join(sys, name, "brif/veth0/isolated"), "0\n");
});
afterEach(() => rmSync(sys, { recursive: true }));

test("every port is isolated, and one that has just gone is passed over", () => {
  assert.equal(isolateThroughSysfs(name, sys), true);
  assert.equal(readFileSync(join(sys, name, "brif/veth0/isolated"), "utf8"), "1");
});

test("a bridge of the same name in another network namespace is left alone", () => {
  writeFileSync(join(sys, name, "address"), "02:00:00:00:00:01\n");
  assert.equal(isolateThroughSysfs(name, sys), false);
  assert.equal(readFileSync(join(sys, name, "brif/veth0/isolated"), "utf8"), "0\n");
});

test("a bridge that sysfs does not show is left to a program", () => {
  assert.equal(isolateThroughSysfs("no-such-bridge", sys), false);
  rmSync(join(sys, name), { recursive: true });
  assert.equal(isolateThroughSysfs(name, sys), false);
});
