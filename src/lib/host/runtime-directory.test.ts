import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { runtimeDirectory } from "./probe-namespaces.ts";

const given = process.env["XDG_RUNTIME_DIR"];
const question = {
  rootless: true,
  dataDir: "/",
  podmanSocket: "/",
  ports: { api: { host: "", port: 0 }, http: { host: "", port: 0 }, ingress: [] },
  resolvers: [],
};

afterEach(() => {
  if (given === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = given;
});

test("a user's own runtime directory will do", async () => {
  const directory = mkdtempSync(join(tmpdir(), "podman-swarm-probe-test-"));
  process.env["XDG_RUNTIME_DIR"] = directory;
  const finding = await runtimeDirectory.run(question, new AbortController().signal);
  rmSync(directory, { recursive: true });
  assert.deepEqual(finding, { result: "ok", detail: directory });
});

test("one that does not exist is told with the fix", async () => {
  process.env["XDG_RUNTIME_DIR"] = "/run/user/nobody-has-this";
  const finding = await runtimeDirectory.run(question, new AbortController().signal);
  assert.equal(finding.result, "fail");
  assert.match(finding.detail, /there is no \/run\/user\/nobody-has-this/);
  assert.match(finding.fix ?? "", /loginctl enable-linger/);
});
