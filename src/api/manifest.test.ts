import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManifestError, readManifest } from "./manifest.ts";
import { parseYaml } from "./yaml.ts";

const MANIFEST = `# a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: { name: b }
  - { apiVersion: v1, kind: Secret, metadata: { name: c } }
---
apiVersion: v1
kind: PodList
items:
  - metadata: { name: d }
`;

test("a manifest's documents and the items of its lists come in order, each with its place", () => {
  const found = readManifest(MANIFEST, "x.yaml").map(({ object, document, line }) => [
    object.kind,
    object.metadata.name,
    document,
    line,
  ]);
  assert.deepEqual(found, [
    ["ConfigMap", "a", 1, 2],
    ["Secret", "b", 3, 8],
    ["Secret", "c", 3, 8],
    ["Pod", "d", 4, 16],
  ]);
});

test("JSON is a manifest too", () => {
  const [only] = readManifest('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}', "x.json");
  assert.deepEqual(only?.object, { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
});

test("what cannot be read is refused with its place", () => {
  const cases: [string, string][] = [
    ["kind: Pod", "Cannot read x: document 1, line 1: apiVersion not set"],
    ["a: 1\n---\napiVersion: v1", "Cannot read x: document 1, line 1: apiVersion not set"],
    ["apiVersion: v1\nkind: Pod\n---\napiVersion: v1\n", "Cannot read x: document 2, line 4: kind not set"],
    ["- 1", "Cannot read x: document 1, line 1: an object with apiVersion, kind and metadata belongs here"],
    ["apiVersion: v1\nkind: Pod\nmetadata: x", "Cannot read x: document 1, line 1: metadata must be an object"],
  ];
  for (const [text, message] of cases) assert.throws(() => readManifest(text, "x"), { name: "ManifestError", message });
  assert.throws(
    () => readManifest("apiVersion: v1\nkind: [", "x"),
    /^ManifestError: Cannot read x: document 1, line 2/,
  );
});

test("values are read as Kubernetes' tools read YAML", () => {
  const cases: [string, unknown][] = [
    ["0644", 420],
    ["yes", true],
    ["off", false],
    ["22:22", "22:22"],
    ["2024-01-02", "2024-01-02"],
    ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"],
    ['"0644"', "0644"],
    ["1e3", 1000],
    ["~", null],
    ["0x10", 16],
  ];
  for (const [text, want] of cases) {
    assert.deepEqual(parseYaml(`a: ${text}`)[0]?.value, { a: want }, text);
  }
});

test("keys that stand twice are named by their path", () => {
  const [document] = parseYaml("spec:\n  a: 1\n  b: [{ c: 1, c: 2 }]\n  a: 2\n");
  assert.deepEqual(document?.duplicates, ["spec.b[0].c", "spec.a"]);
  assert.deepEqual(document?.value, { spec: { a: 2, b: [{ c: 2 }] } });
});

test("a text of a few aliases that would fill the memory is refused", () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const before = Array.from({ length: 10 }, () => `*a${level - 1}`).join(", ");
    return level === 0 ? "a0: &a0 [x, x]" : `a${level}: &a${level} [${before}]`;
  });
  assert.throws(() => readManifest(`apiVersion: v1\nkind: X\n${levels.join("\n")}`, "bomb"), ManifestError);
});

test("any text is read or refused", () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom("a", ":", " ", "\n", "-", "{", "}", "[", "]", "&a", "*a", '"', "---\n", "<<"),
      }),
      (text) => {
        try {
          readManifest(text, "fuzz");
        } catch (error) {
          assert.ok(error instanceof ManifestError, String(error));
        }
      },
    ),
  );
});
