import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { PodmanService } from "./podman-service.ts";

test("whoever stops in the moment of the start leaves no service behind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-service-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const started = join(folder, "started");
  const command = join(folder, "podman");
  writeFileSync(command, `#!/bin/sh\ntouch ${started}\nexec sleep 5\n`, { mode: 0o755 });
  const socketPath = join(folder, "podman.sock");
  const service = new PodmanService({ socketPath, clock: systemClock, log: silentLogger }, { command });
  const stop = new AbortController();
  const run = service.run(stop.signal);
  stop.abort();
  await run;
  assert.equal(existsSync(started), false);
  assert.equal(service.pid, undefined);
});
