import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { readLog, type LogFileOptions } from "./log-file.ts";

let directory: string;
before(async () => (directory = await mkdtemp(join(tmpdir(), "log-file-"))));
after(() => rm(directory, { recursive: true }));

const LOG = [
  "2026-01-01T00:00:01.000000001+00:00 stdout F one",
  "2026-01-01T00:00:02.000000002+00:00 stderr P tw",
  "2026-01-01T00:00:02.000000003+00:00 stderr F o",
  "2026-01-01T00:00:03.000000004+00:00 stdout F ",
  "2026-01-01T00:00:04.000000005+00:00 stdout F thrée four",
  "",
].join("\n");

const plain = { follow: false, tailLines: undefined, since: undefined, timestamps: false, limitBytes: undefined };

async function text(path: string, options: Partial<LogFileOptions>): Promise<string> {
  const signal = new AbortController().signal;
  const pieces: Uint8Array[] = [];
  const all = { ...plain, ended: () => true, ...options, signal };
  for await (const piece of readLog({ clock: systemClock }, path, all)) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

const cases: readonly [string, Partial<LogFileOptions>, string][] = [
  ["all of it, parts joined", {}, "one\ntwo\n\nthrée four\n"],
  ["the last two lines", { tailLines: 2 }, "\nthrée four\n"],
  ["more lines than there are", { tailLines: 99 }, "one\ntwo\n\nthrée four\n"],
  ["no line", { tailLines: 0 }, ""],
  ["what is not older than a time", { since: Date.parse("2026-01-01T00:00:03Z") }, "\nthrée four\n"],
  ["a number of bytes", { limitBytes: 6 }, "one\ntw"],
  ["times", { tailLines: 1, timestamps: true }, "2026-01-01T00:00:04.000000005Z thrée four\n"],
];

for (const [name, options, expected] of cases) {
  test(`a log gives ${name}`, async () => {
    const path = join(directory, "plain.log");
    await writeFile(path, LOG);
    assert.equal(await text(path, options), expected);
  });
}

test("a followed log gives what is written later, also after the engine has begun the file anew", async () => {
  const path = join(directory, "followed.log");
  const line = (word: string): string => `2026-01-01T00:00:01.000000001+00:00 stdout F ${word}\n`;
  await writeFile(path, line("a") + line("b"));
  let ended = false;
  let got = "";
  const options = { ...plain, follow: true, ended: () => ended, signal: new AbortController().signal };
  for await (const piece of readLog({ clock: systemClock }, path, options)) {
    got += Buffer.from(piece).toString();
    if (got.endsWith("b\n")) await appendFile(path, line("c"));
    else if (got.endsWith("c\n")) await writeFile(path, line("d"));
    else if (got.endsWith("d\n")) ended = true;
  }
  assert.equal(got, "a\nb\nc\nd\n");
});
