import assert from "node:assert/strict";
import { test } from "node:test";
import { HostLock } from "./host-lock.ts";

test("a second supervisor on one host is refused and told who holds it, until that one ends", async () => {
  const name = `podman-swarm-test/${process.pid}`;
  const first = await HostLock.acquire("/data/one", name);
  await assert.rejects(HostLock.acquire("/data/two", name), (error: Error) => {
    assert.match(error.message, new RegExp(`pid ${process.pid} and --data-dir /data/one already runs here`));
    return true;
  });
  first.release();
  (await HostLock.acquire("/data/two", name)).release();
});
