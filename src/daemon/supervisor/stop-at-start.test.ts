import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { createLogger } from "../../lib/log.ts";
import { bindHandle } from "../handles/bound-handle.ts";
import { SupervisedChild } from "./supervised-child.ts";

const MAIN = join(import.meta.dirname, "../main.ts");

test("a dataplane that is stopped as soon as it is there ends by itself", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-stop-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "control.sock");
  const handles = new Map([
    ["control", bindHandle({ name: "control", kind: "unix", path, to: "dataplane" })],
    ["ingress", bindHandle({ name: "ingress", kind: "tcp", host: "127.0.0.1", port: 0, to: "dataplane" })],
  ]);
  t.after(() => handles.forEach((handle) => handle.close()));
  let log = "";
  const logger = createLogger({ write: (line) => void (log += line) });
  const stop = new AbortController();
  const onProcess = (): void => stop.abort(); // it has said hello
  const child = new SupervisedChild(
    { clock: systemClock, logger, handles, onProcess },
    {
      command: {
        name: "dataplane",
        file: process.execPath,
        args: [MAIN, "run-dataplane", "info", "text"],
        env: process.env,
      },
      stopMs: 60_000,
    },
  );
  assert.equal(await child.run(stop.signal), "stopped");
  assert.equal(log, "");
});
