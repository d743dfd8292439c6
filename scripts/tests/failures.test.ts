import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { failuresIn } from "./failures.ts";

/** What Node's own runner prints for a test file. */
function runnerOutput(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "podman-swarm-failures-"));
  const file = join(folder, "some.test.mjs");
  writeFileSync(file, source);
  // Inside a test run the runner reports to its parent, in another form.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    return execFileSync(process.execPath, ["--test", "--test-reporter=spec", file], { env, encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a test that failed is named, with its file and why", () => {
  const output = runnerOutput(`
    import { test } from "node:test";
    test("this is fine", () => {});
    test("this breaks (at times)", () => { throw new Error("the disk is full\\nand more", { cause: new Error("it is small") }); });
    test("so does this", () => { throw new Error("too long"); });
  `);
  const found = failuresIn(output);
  assert.deepEqual(
    found.map(({ name, why }) => ({ name, why })),
    [
      { name: "this breaks (at times)", why: ["Error: the disk is full", "and more"] },
      { name: "so does this", why: ["Error: too long"] },
    ],
  );
  assert.match(found[0]?.file ?? "", /some\.test\.mjs$/u);
});

test("nothing failed where the runner says so", () => {
  assert.deepEqual(failuresIn(runnerOutput(`import { test } from "node:test"; test("fine", () => {});`)), []);
});

test("of a long message the first line and the last ones are told", () => {
  const said = Array.from({ length: 40 }, (_, at) => `line ${at}`);
  const [found] = failuresIn(
    runnerOutput(
      `import { test } from "node:test"; test("x", () => { throw new Error(${JSON.stringify(said.join("\n"))}); });`,
    ),
  );
  assert.deepEqual(found?.why, ["Error: line 0", ...said.slice(-6)]);
});

test("a row that failed is named", () => {
  const output = "ok     v1.31 get (0.5 s)\nnot ok v1.32 set image (12.1 s)\n         Cannot see it\n         more\n";
  assert.deepEqual(failuresIn(output), [{ name: "v1.32 set image", why: ["Cannot see it", "more"] }]);
});
