import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { bindHandle } from "../handles/bound-handle.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";

const SERVER = `require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port) })`;

test("a killed process counts as running until its sockets are free, also where its first thread ends first", async () => {
  for (let round = 0; round < 10; round += 1) {
    const child = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const [said] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const identity = identifyProcess(child.pid ?? 0);
    assert.ok(identity);
    child.kill("SIGKILL");
    // Without a turn of the event loop, so that the child's remains are still there.
    while (isRunning(identity));
    bindHandle({ name: "api", kind: "tcp", to: "agent", host: "127.0.0.1", port: Number(said) }).close();
    await ended;
    assert.equal(identifyProcess(child.pid ?? 0), undefined);
  }
});
