import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/root.ts";
import { ProgramError } from "../../src/lib/host/run-program.ts";
import { Lab } from "../lab/lab.ts";
import { labTest } from "../lab/lab-test.ts";

/**
 * What psctl asks of systemd, and what it makes of the answers that are hard to come by. Programs of systemd's names stand
 * in for it, as a host of the lab has none; a node under the real one is tested in the virtual machine.
 */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"$HOME/asked"
[ "$2" = show ] && printf 'NRestarts=3\\nActiveState=activating\\n'
exit 0
`;
const JOURNALCTL = `#!/bin/sh
echo '{"level":"info","msg":"starting"}'
echo '{"level":"error","msg":"The agent process ends","error":"Cannot do it: the disk is full"}'
`;

labTest("an agent that systemd starts again and again is stopped, and its reason told", async (t) => {
  const lab = await Lab.start({ hosts: 1 });
  t.after(() => lab.stop());
  const host = lab.host(1);
  await host.run(["mkdir", "-p", "/run/systemd/system"]);
  const programs = join(host.folder, "programs");
  mkdirSync(programs);
  for (const [name, text] of Object.entries({ systemctl: SYSTEMCTL, journalctl: JOURNALCTL, loginctl: SYSTEMCTL })) {
    writeFileSync(join(programs, name), text);
    chmodSync(join(programs, name), 0o755);
  }
  const psctl = [process.execPath, join(root, "src/cli/main.ts")].map((word) => host.path(word));
  const words = [...psctl, "init", "--node-name=n1", "--", "--tls-cert=own.crt"] as unknown as [string, ...string[]];
  const env = {
    PATH: `${programs}:/usr/bin:/bin`,
    PODMAN_SWARM_LABELS: "disk=ssd",
    PODMAN_SWARM_API_TOKEN: "0123456789",
  };
  await assert.rejects(host.runAsUser(words, { env }), (error: unknown) => {
    assert.ok(error instanceof ProgramError);
    assert.match(
      error.stderr,
      /The agent did not start\. It said:\nThe agent process ends: Cannot do it: the disk is full\n/,
    );
    return true;
  });
  const asked = readFileSync(join(host.home, "asked"), "utf8").trim().split("\n");
  const unit = "podman-swarm-agent.service";
  assert.deepEqual(asked, [
    "--user show-environment",
    "--user daemon-reload",
    `--user reset-failed ${unit}`,
    `--user enable ${unit}`,
    `--user restart ${unit}`,
    "enable-linger",
    `--user show --property=ActiveState,NRestarts ${unit}`,
    `--user disable --now ${unit}`,
  ]);
  const text = readFileSync(join(host.home, ".config/systemd/user", unit), "utf8");
  assert.match(text, /^Environment=PODMAN_SWARM_LABELS=disk=ssd$/m);
  assert.match(text, new RegExp(`^ExecStart=\\S+ \\S+ --node-name=n1 --tls-cert=${host.home}/own\\.crt$`, "m"));
  assert.ok(!text.includes("0123456789"));
});
