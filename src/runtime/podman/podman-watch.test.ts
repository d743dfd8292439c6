import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { createLogger } from "../../lib/log.ts";
import { PodmanHttp } from "./podman-http.ts";
import { PodmanWatch } from "./podman-watch.ts";

test("a Podman that does not answer is told once, however often it is tried", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "podman-watch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const enough = Promise.withResolvers<void>();
  let tries = 0;
  // A service that is ending: it takes connections and drops them.
  const server = createServer((socket) => {
    socket.destroy();
    if (++tries === 4) enough.resolve();
  });
  const socketPath = join(folder, "podman.sock");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => server.close());
  const lines: string[] = [];
  const log = createLogger({ level: "warn", format: "json", write: (line) => void lines.push(line) });
  const http = new PodmanHttp(socketPath);
  const watch = new PodmanWatch(
    { http, node: "node-1", clock: systemClock, log },
    { listener: () => {}, relistMs: 60_000 },
  );
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  await enough.promise;
  stop.abort();
  await running;
  http.close();
  assert.equal(lines.length, 1, lines.join(""));
});
