import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { createLogger, silentLogger } from "../../lib/log.ts";
import type { ObservedSandbox } from "../runtime-port.ts";
import { LABEL, ownerLabels } from "./labels.ts";
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

test("a pod that has no container, because Podman's service was killed while it made it, is seen", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "podman-watch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const owner = { uid: "u", name: "p", namespace: "n" };
  const labels = { ...ownerLabels("node-1", owner), [LABEL.sandboxAttempt]: "2" };
  const common = { Labels: labels, ImageID: "", State: "running", StartedAt: 1, ExitedAt: 0, ExitCode: 0 };
  const answers: Record<string, object[]> = {
    pods: [
      { Id: "bare", Labels: labels },
      { Id: "whole", Labels: labels },
    ],
    containers: [{ ...common, Id: "infra", IsInfra: true, Pod: "whole" }],
  };
  const server = createHttpServer((request, response) => {
    const [, what = ""] = /\/libpod\/(\w+)\/json/.exec(request.url ?? "") ?? [];
    response.writeHead(200, { "content-type": "application/json" });
    if (answers[what]) response.end(JSON.stringify(answers[what]));
    else response.flushHeaders();
  });
  const socketPath = join(folder, "podman.sock");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  const http = new PodmanHttp(socketPath);
  const seen = Promise.withResolvers<readonly ObservedSandbox[]>();
  const watch = new PodmanWatch(
    { http, node: "node-1", clock: systemClock, log: silentLogger },
    { listener: (change) => change.type === "snapshot" && seen.resolve(change.sandboxes), relistMs: 60_000 },
  );
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  const sandboxes = await seen.promise;
  stop.abort();
  await running;
  http.close();
  assert.deepEqual(
    sandboxes.map(({ id, pod, attempt, running: runs }) => ({ id, pod, attempt, runs })),
    [
      { id: "whole", pod: owner, attempt: 2, runs: true },
      { id: "bare", pod: owner, attempt: 2, runs: false },
    ],
  );
});
