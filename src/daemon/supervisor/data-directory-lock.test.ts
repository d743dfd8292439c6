import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { DataDirectoryLock } from "./data-directory-lock.ts";
import { identifyProcess } from "./process-identity.ts";

function withDirectory(use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "podman-swarm-lock-"));
  try {
    use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("a lock held by a running process is refused, a released one is free", () => {
  withDirectory((directory) => {
    const lock = DataDirectoryLock.acquire(directory);
    assert.throws(() => DataDirectoryLock.acquire(directory), /already runs on it/);
    lock.release();
    DataDirectoryLock.acquire(directory).release();
    assert.deepEqual(readdirSync(directory), []);
  });
});

const self = identifyProcess(process.pid);
const STALE: readonly { name: string; text: string; orphans: number }[] = [
  {
    name: "of a pid that is used again",
    text: JSON.stringify({ holder: { ...self, started: "1" }, children: [] }),
    orphans: 0,
  },
  { name: "of another boot", text: JSON.stringify({ holder: { ...self, boot: "x" }, children: [] }), orphans: 0 },
  {
    name: "whose child still runs",
    text: JSON.stringify({ holder: { ...self, started: "1" }, children: [self] }),
    orphans: 1,
  },
  { name: "cut off by a crash", text: '{"holder":', orphans: 0 },
  { name: "that is empty", text: "", orphans: 0 },
];

for (const { name, text, orphans } of STALE) {
  test(`a lock ${name} is taken over`, () => {
    withDirectory((directory) => {
      writeFileSync(join(directory, "lock"), text);
      const lock = DataDirectoryLock.acquire(directory);
      assert.equal(lock.orphans.length, orphans);
      assert.deepEqual(readdirSync(directory), ["lock"]);
      lock.release();
    });
  });
}

test("a directory in the lock's place is refused by its name, and nothing is left behind", () => {
  withDirectory((directory) => {
    const file = join(directory, "lock");
    mkdirSync(file);
    assert.throws(
      () => DataDirectoryLock.acquire(directory),
      (error: Error) => error instanceof DamagedFile && error.message.includes(`${file}: it is a directory`),
    );
    assert.deepEqual(readdirSync(directory), ["lock"]);
  });
});
