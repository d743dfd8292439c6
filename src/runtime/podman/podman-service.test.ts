import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { systemClock } from "../../lib/clock.ts";
import { createLogger, silentLogger } from "../../lib/log.ts";
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

test("a program that cannot be started is tried again until it can", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-service-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const command = join(folder, "podman");
  const lines: string[] = [];
  const log = createLogger({ format: "json", write: (line) => void lines.push(line) });
  const service = new PodmanService({ socketPath: join(folder, "podman.sock"), clock: systemClock, log }, { command });
  const stop = new AbortController();
  const run = service.run(stop.signal);
  await eventually(() => lines.filter((line) => line.includes("ENOENT")).length > 1, { what: "two tries" });
  assert.equal(service.pid, undefined);
  writeFileSync(command, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  await eventually(() => lines.some((line) => line.includes("service started")), { what: "its start" });
  assert.ok((service.pid ?? 0) > 0);
  stop.abort();
  await run;
  assert.equal(service.pid, undefined);
});
