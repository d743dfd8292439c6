import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { createLogger, silentLogger } from "../../lib/log.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { AuditLog, type AuditRecord } from "./audit-log.ts";

const record = (id: string): AuditRecord => ({
  time: "2026-01-01T00:00:00Z",
  id,
  user: "me",
  source: "127.0.0.1",
  method: "POST",
  path: "/api/v1/namespaces",
  code: 201,
  milliseconds: 3,
});

test("a file that is full is put aside, a few old ones are kept, and no line is lost on the way", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "audit-test-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "audit.log");
  const audit = new AuditLog(silentLogger, { file, maxBytes: 1000, keep: 3 });
  await audit.open();
  for (let n = 0; n < 20; n++) {
    audit.write(record(String(n)));
    if (n === 9) await eventually(async () => (await readdir(directory)).includes("audit.log.1"));
  }
  await eventually(async () => {
    const texts = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), "utf8")));
    const ids = texts
      .flatMap((text) => text.trim().split("\n").filter(Boolean))
      .map((line) => Number((JSON.parse(line) as AuditRecord).id));
    assert.deepEqual(ids.toSorted((a, b) => a - b).at(-1), 19);
    assert.equal(new Set(ids).size, ids.length);
    return true;
  });
  await audit.close();
  const files = await readdir(directory);
  assert.ok(files.length > 1 && files.length <= 4, files.join());
  for (const name of files) assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
});

test("a file that cannot be opened is said once a try, and lines wait for it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "audit-test-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "not-yet", "audit.log");
  const said: string[] = [];
  const audit = new AuditLog(createLogger({ format: "json", write: (line) => said.push(line) }), { file });
  audit.write(record("1"));
  await eventually(() => said.length > 0);
  await mkdir(join(directory, "not-yet"));
  audit.write(record("2"));
  const text = await eventually(async () => {
    const all = await readFile(file, "utf8");
    return all.includes('"id":"2"') && all;
  });
  await audit.close();
  assert.match(text, /"id":"1"/);
  assert.match(said[0] ?? "", /cannot open the audit log/);
});

test("a directory in the file's place is refused by its name", async (t) => {
  const file = await mkdtemp(join(tmpdir(), "audit-test-"));
  t.after(() => rm(file, { recursive: true }));
  await assert.rejects(
    new AuditLog(createLogger({ format: "json", write: () => {} }), { file }).open(),
    (error: Error) => error instanceof DamagedFile && error.message.includes(`${file}: it is a directory`),
  );
});
