import assert from "node:assert/strict";
import { test } from "node:test";
import { matchablePath, RouteTable } from "./route-table.ts";

const table = new RouteTable({
  rules: (
    [
      ["a.test", "Prefix", "/"],
      ["a.test", "Prefix", "/foo"],
      ["a.test", "Prefix", "/foo/bar"],
      ["a.test", "Exact", "/foo/bar"],
      ["a.test", "Exact", "/exact/"],
      ["b.test", "Prefix", "/only"],
      ["*.w.test", "Prefix", "/"],
      ["", "Prefix", "/any"],
    ] as const
  ).map(([host, type, path]) => ({ host, type, path, backend: `${host} ${type} ${path}`, redirect: false })),
  defaultBackend: "default",
});

test("host and path decide as networking/v1 describes", () => {
  const cases = [
    ["a.test", "/", "a.test Prefix /"],
    ["a.test", "/foo", "a.test Prefix /foo"],
    ["a.test", "/foo/", "a.test Prefix /foo"],
    ["a.test", "/foobar", "a.test Prefix /"],
    ["a.test", "/foo/bar", "a.test Exact /foo/bar"],
    ["a.test", "/foo/bar/", "a.test Prefix /foo/bar"],
    ["a.test", "/foo/barn", "a.test Prefix /foo"],
    ["a.test", "/exact", "a.test Prefix /"],
    ["a.test", "/exact/", "a.test Exact /exact/"],
    ["b.test", "/only/x", "b.test Prefix /only"],
    ["b.test", "/any", " Prefix /any"],
    ["b.test", "/", "default"],
    ["x.w.test", "/", "*.w.test Prefix /"],
    ["x.y.w.test", "/", "default"],
    ["w.test", "/", "default"],
    ["", "/any/1", " Prefix /any"],
    ["c.test", "/foo", "default"],
  ] as const;
  for (const [host, path, expected] of cases) {
    assert.equal(table.match(host, path)?.backend, expected, `${host}${path}`);
  }
});

test("no spelling of a path leads past its rule", () => {
  const cases = [
    ["/a/b?x=/../c", "/a/b"],
    ["/a/./b", "/a/b"],
    ["/a/../../b", "/b"],
    ["/a/b/..", "/a/"],
    ["/%61dmin", "/admin"],
    ["/x/%2e%2E/admin", "/admin"],
    ["/a%2Fb", "/a/b"],
    ["/.well-known/x", "/.well-known/x"],
    ["/%E4%zz", "/\ufffd%zz"],
    ["/%C3%A4", "/ä"],
  ] as const;
  for (const [target, expected] of cases) assert.equal(matchablePath(target), expected, target);
});

test("a path costs what the rules are long, not what the client sends", () => {
  const rules = ["/x/y", "/x"].map(
    (path) => ({ host: "", type: "Prefix", path, backend: path, redirect: false }) as const,
  );
  const table = new RouteTable({ rules });
  const cases = { "/x/y": "/x/y", "/x/y/": "/x/y", "/x/yz": "/x", "/x/yz/": "/x", "/xyz/y": undefined, "/x/": "/x" };
  for (const [path, backend] of Object.entries(cases)) {
    assert.equal(table.match("", path)?.backend, backend, path);
    assert.equal(table.match("", `${path}/${"a/".repeat(1000)}`)?.backend, backend, path);
  }
});

// A match that looks at every segment of such a path takes ten times as long as this deadline.
test("a path of nothing but slashes holds nobody up", { timeout: 30_000 }, () => {
  const table = new RouteTable({ rules: [{ host: "", type: "Prefix", path: "/x", backend: "x", redirect: false }] });
  for (let round = 0; round < 20; round++) assert.equal(table.match("a.test", "/".repeat(32_000)), undefined);
});
