import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * What each folder of src may import besides itself; `import type` counts. Lower layers know nothing of higher ones,
 * the folders of the middle layer meet only through the store or a port, and daemon is the only composition root.
 */
const DOMAIN = ["lib", "api", "store", "client"];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  api: ["lib"],
  store: ["lib", "api"],
  client: ["lib", "api"],
  membership: DOMAIN,
  security: DOMAIN,
  network: DOMAIN,
  dns: DOMAIN,
  ingress: DOMAIN,
  scheduler: DOMAIN,
  controllers: DOMAIN,
  runtime: DOMAIN,
  apiserver: [...DOMAIN, "membership", "security", "network", "dns", "ingress", "scheduler", "controllers", "runtime"],
  cli: ["lib", "api", "client"],
  web: ["lib", "api", "client"],
  daemon: ["*"],
};

/** Packages that only hold types for us: loading them costs too much memory. */
const TYPES_ONLY = ["@kubernetes/client-node"];
const MAX_LINES = 400;

interface Import {
  from: string;
  specifier: string;
  typeOnly: boolean;
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s)?[^;]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gmu;

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), "utf8");
  return [...source.matchAll(IMPORT)].map((match) => ({
    from: file,
    specifier: match[2] ?? match[3] ?? match[4] ?? "",
    typeOnly: match[1] !== undefined,
  }));
}

function folderOf(file: string): string {
  return relative("src", file).split("/")[0] ?? "";
}

/** Tests may also use the shared test code in test/, whatever their folder. */
function refusal({ from, specifier, typeOnly }: Import): string | undefined {
  if (TYPES_ONLY.includes(specifier) && !typeOnly) return `${from} loads ${specifier}, which is for types only`;
  if (!specifier.startsWith(".")) return undefined;
  const target = relative(root, resolve(root, dirname(from), specifier));
  if (!target.startsWith("src/")) {
    const isTest = /\.(test|contract|integration)\.ts$/u.test(from);
    return (isTest && target.startsWith("test/")) || target === "package.json"
      ? undefined
      : `${from} leaves src: ${specifier}`;
  }
  const [own, other] = [folderOf(from), folderOf(target)];
  const allowed = ALLOWED[own];
  if (allowed === undefined)
    return `${from} is in a folder that the table of layers does not know: add it there, with a reason`;
  if (own === other || allowed.includes("*") || allowed.includes(other)) return undefined;
  return `${from} imports ${target}, but ${own} may import ${allowed.join(", ") || "nothing"} only`;
}

const sources = globSync("src/**/*.ts", { cwd: root }).sort();

test("every import follows the table of layers", () => {
  assert.deepEqual(
    sources.flatMap(importsOf).flatMap((one) => refusal(one) ?? []),
    [],
  );
});

test("the table itself refuses what it should", () => {
  const refused: Import[] = [
    { from: "src/lib/a.ts", specifier: "../api/b.ts", typeOnly: true },
    { from: "src/dns/a.ts", specifier: "../ingress/b.ts", typeOnly: true },
    { from: "src/cli/a.ts", specifier: "../store/b.ts", typeOnly: false },
    { from: "src/runtime/a.ts", specifier: "../apiserver/b.ts", typeOnly: false },
    { from: "src/api/a.ts", specifier: "@kubernetes/client-node", typeOnly: false },
    { from: "src/api/a.ts", specifier: "../../test/poll.ts", typeOnly: false },
    { from: "src/utils/a.ts", specifier: "../lib/clock.ts", typeOnly: false },
  ];
  for (const one of refused) assert.ok(refusal(one), `${one.from} -> ${one.specifier}`);
  const accepted: Import[] = [
    { from: "src/api/a.ts", specifier: "@kubernetes/client-node", typeOnly: true },
    { from: "src/apiserver/a.ts", specifier: "../runtime/b.ts", typeOnly: false },
    { from: "src/daemon/main.ts", specifier: "../apiserver/b.ts", typeOnly: false },
    { from: "src/dns/a.test.ts", specifier: "../../test/poll.ts", typeOnly: false },
  ];
  for (const one of accepted) assert.equal(refusal(one), undefined);
});

test(`no source file is longer than ${MAX_LINES} lines, unless it is generated`, () => {
  const files = [...sources, ...globSync("{test,scripts,bench}/**/*.ts", { cwd: root })];
  const long = files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const lines = text.split("\n").length - 1;
    return lines > MAX_LINES && !text.startsWith("// Generated") ? [`${file}: ${lines}`] : [];
  });
  assert.deepEqual(long, []);
});

test("only the clock and the random source touch time and randomness", () => {
  const direct = /\bnew Date\(\)|\bDate\.now\(|\bMath\.random\(|(?<![.\w])setTimeout\(|(?<![.\w])setInterval\(/u;
  const found = sources
    .filter((file) => file !== "src/lib/clock.ts" && file !== "src/lib/random.ts")
    .flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .flatMap((line, index) => (direct.test(line.replace(/\/\/.*|^\s*\*.*/u, "")) ? [`${file}:${index + 1}`] : [])),
    );
  assert.deepEqual(found, []);
});

test("folders and files are not named for nothing in particular", () => {
  const vague = /(^|\/)(utils?|types|helpers?|managers?|common|misc)(\.ts|\/)/u;
  assert.deepEqual(
    sources.filter((file) => vague.test(file)),
    [],
  );
});
