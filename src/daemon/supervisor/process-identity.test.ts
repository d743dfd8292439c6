import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { freePorts } from "../../../test/support/free-ports.ts";
import { bindHandle } from "../handles/bound-handle.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";

const SERVER = `require("node:net").createServer().listen(process.argv[1], "127.0.0.1", () => console.log("listens"))`;

test("a killed process counts as running until its sockets are free, also where its first thread ends first", async () => {
  for (let round = 0; round < 10; round += 1) {
    const [port = 0] = await freePorts(1);
    const child = spawn(process.execPath, ["-e", SERVER, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    const identity = identifyProcess(child.pid ?? 0);
    assert.ok(identity);
    child.kill("SIGKILL");
    // Without a turn of the event loop, so that the child's remains are still there.
    while (isRunning(identity));
    bindHandle({ name: "api", kind: "tcp", to: "agent", host: "127.0.0.1", port }).close();
    await ended;
    assert.equal(identifyProcess(child.pid ?? 0), undefined);
  }
});
