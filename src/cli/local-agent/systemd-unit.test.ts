import assert from "node:assert/strict";
import { test } from "node:test";
import { unitText } from "./systemd-unit.ts";

test("the unit starts exactly the given words, also those that systemd would read otherwise", () => {
  const words = ["/opt/a b/agent", "--labels=cost=5$,share=10%", '--node-name="x"', "--data-dir=/var/lib/x", "a\\b"];
  const line = unitText(words, { rootless: false })
    .split("\n")
    .find((one) => one.startsWith("ExecStart="));
  assert.equal(
    line,
    'ExecStart="/opt/a b/agent" "--labels=cost=5$$,share=10%%" "--node-name=\\"x\\"" --data-dir=/var/lib/x "a\\\\b"',
  );
});

test("a user's unit starts with the user's session, root's with the machine", () => {
  assert.match(unitText(["a"], { rootless: true }), /WantedBy=default\.target/);
  assert.match(unitText(["a"], { rootless: false }), /WantedBy=multi-user\.target/);
});

test("the unit has the settings of psctl's environment, but no secrets", () => {
  const env = { PODMAN_SWARM_LABELS: "a=b $c", PODMAN_SWARM_API_TOKEN: "secret", XDG_DATA_HOME: "/d", HOME: "/h" };
  const lines = unitText(["a"], { rootless: true, env }).split("\n");
  const settings = lines.filter((line) => line.startsWith("Environment="));
  assert.deepEqual(settings, ['Environment="PODMAN_SWARM_LABELS=a=b $c"', "Environment=XDG_DATA_HOME=/d"]);
});
