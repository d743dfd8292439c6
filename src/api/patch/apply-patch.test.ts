import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyPatch, isPatchType } from "./apply-patch.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";

test("JSON patch does what the examples of RFC 6902 say", () => {
  const cases: [document: unknown, patch: object[], want: unknown][] = [
    [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { baz: "qux", foo: "bar" }],
    [{ foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
    [{ foo: ["bar"] }, [{ op: "add", path: "/foo/-", value: ["abc"] }], { foo: ["bar", ["abc"]] }],
    [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
    [{ foo: ["bar", "qux"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar"] }],
    [{ baz: "qux" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo" }],
    [{ a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
    [{ a: [1, 2, 3] }, [{ op: "move", from: "/a/0", path: "/a/2" }], { a: [2, 3, 1] }],
    [{ a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
    [
      { "/": 9, "~1": 10 },
      [
        { op: "test", path: "/~01", value: 10 },
        { op: "remove", path: "/~1" },
      ],
      { "~1": 10 },
    ],
    [{ a: null }, [{ op: "test", path: "/a", value: null }], { a: null }],
    [{ a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
  ];
  for (const [document, patch, want] of cases) assert.deepEqual(applyJsonPatch(document, patch), want);
});

test("JSON patches that do not apply say why and change nothing", () => {
  const cases: [patch: unknown, reason: string, message: RegExp][] = [
    [[{ op: "test", path: "/a", value: 2 }], "Invalid", /testing value \/a failed: test failed/],
    [[{ op: "remove", path: "/x" }], "Invalid", /remove operation does not apply: doc is missing key: \/x/],
    [[{ op: "replace", path: "/x", value: 1 }], "Invalid", /replace operation does not apply/],
    [[{ op: "add", path: "/x/y", value: 1 }], "Invalid", /missing path: \/x\/y/],
    [[{ op: "add", path: "/l/7", value: 1 }], "Invalid", /invalid index/],
    [[{ op: "move", from: "/o", path: "/o/p" }], "Invalid", /lies inside/],
    [{ op: "add" }, "BadRequest", /must be a list/],
    [[{ op: "frob", path: "/a" }], "BadRequest", /unknown op/],
    [[{ op: "add", path: "/a" }], "BadRequest", /needs a value/],
  ];
  for (const [patch, reason, message] of cases) {
    const document = { a: 1, l: [], o: { q: 1 } };
    assert.throws(() => applyJsonPatch(document, patch), { reason, message });
    assert.deepEqual(document, { a: 1, l: [], o: { q: 1 } });
  }
});

test("merge patch does what the table of RFC 7386 says", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, want] of cases) assert.deepEqual(applyMergePatch(target, patch), want);
});

test("no patch reaches an object's prototype", () => {
  const evil = JSON.parse('{"__proto__": {"polluted": true}, "metadata": {"__proto__": {"polluted": true}}}') as object;
  for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"] as const) {
    const result = applyPatch(type, { schema: "core.v1.Pod", object: { metadata: {} }, patch: evil });
    assert.equal((result as { polluted?: boolean }).polluted, undefined);
  }
  assert.throws(() => applyJsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: 1 }]), {
    reason: "Invalid",
  });
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test("any two JSON documents patch without a crash, and merging is idempotent", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (target, patch) => {
        const once = applyMergePatch(target, patch);
        assert.deepEqual(applyMergePatch(once, patch), once);
      },
    ),
  );
});

test("patches that nest without end are refused", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = { a: deep };
  for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"] as const) {
    assert.throws(() => applyPatch(type, { schema: "core.v1.Pod", object: {}, patch: deep }), { reason: "BadRequest" });
  }
  const double = { op: "copy", from: "", path: "/a" };
  assert.throws(
    () =>
      applyPatch("application/json-patch+json", {
        schema: "core.v1.Pod",
        object: {},
        patch: Array.from({ length: 150 }, () => double),
      }),
    { reason: "BadRequest" },
  );
});

test("a few copies of copies cannot fill the memory", () => {
  const patch = Array.from({ length: 60 }, (_, index) => ({ op: "copy", from: "", path: `/${index}` }));
  assert.throws(() => applyJsonPatch({ a: "x".repeat(100) }, patch), {
    reason: "Invalid",
    message: /accumulated size/,
  });
});

test("only the types that are served count as patches", () => {
  assert.equal(isPatchType("application/merge-patch+json"), true);
  assert.equal(isPatchType("application/json"), false);
  assert.throws(
    () =>
      applyPatch("application/json-patch+json", {
        schema: "core.v1.Pod",
        object: {},
        patch: [{ op: "replace", path: "", value: 1 }],
      }),
    { reason: "BadRequest" },
  );
});
