import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { runProgram } from "./run-program.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "podman-swarm-program-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs shell words, aborts them once they have written the file `ready`, and resolves when the promise is rejected. */
async function aborted(script: string, endsWithinMs: number): Promise<void> {
  const stop = new AbortController();
  const run = runProgram(["sh", "-c", `cd ${folder}; ${script}`], { signal: stop.signal, endsWithinMs });
  const rejected = assert.rejects(run, (error) => error === stop.signal.reason);
  await eventually(() => existsSync(join(folder, "ready")), { what: "that it runs" });
  stop.abort(new Error("enough"));
  await rejected;
}

const WAIT = "touch ready; while :; do sleep 0.02; done";

test("the end of a program that is killed can be waited for", async () => {
  await aborted(`trap 'sleep 0.2; touch ended; exit 0' TERM; ${WAIT}`, 60_000);
  assert.ok(existsSync(join(folder, "ended")));
});

test("one that does not end in time is killed for good", async () => {
  await aborted(`trap '' TERM; echo $$ >pid; ${WAIT}`, 50);
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  await eventually(() => !existsSync(`/proc/${pid}`), { what: "its end" });
});
