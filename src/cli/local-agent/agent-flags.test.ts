import assert from "node:assert/strict";
import { test } from "node:test";
import { lasting } from "./agent-flags.ts";

test("paths in flags of the agent are made absolute, in both ways to write them", () => {
  const here = process.cwd();
  const given = [
    "--data-dir=data",
    "--unlock-passphrase-file",
    "pass",
    "--tls-cert=/a",
    "--labels=a=b",
    "--node-name=x",
  ];
  const expected = [`--data-dir=${here}/data`, "--unlock-passphrase-file", `${here}/pass`, "--tls-cert=/a"];
  assert.deepEqual(lasting(given), [...expected, "--labels=a=b", "--node-name=x"]);
  assert.deepEqual(lasting(["--podman-socket=unix:///run/p.sock"]), ["--podman-socket=unix:///run/p.sock"]);
  assert.throws(() => lasting(["--unlock-passphrase-file=-"]), /without psctl's standard input\. Name a file/);
});
