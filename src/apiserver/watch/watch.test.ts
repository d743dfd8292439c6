import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { systemClock } from "../../lib/clock.ts";
import { serveInMemory } from "../api-server.fixture.ts";

interface Frame {
  type: string;
  object: KubeObject & { code?: number; reason?: string };
}

/** Opens a watch; `next` gives the following frame, undefined at the end. */
async function openWatch(url: string, headers: Record<string, string> = {}) {
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    request(url, { headers }, resolve).on("error", reject).end();
  });
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async (): Promise<Frame | undefined> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as Frame);
  };
  return { next, response, close: () => response.destroy() };
}

const shown = (frame: Frame | undefined) => `${frame?.type} ${frame?.object.metadata?.name}`;
const configMaps = "/api/v1/namespaces/default/configmaps";

test("a watch from a version gives every later change once and in order", async () => {
  await using server = await serveInMemory();
  const { objects, url, store } = server;
  const since = store.resourceVersion;
  await objects.create("ConfigMap", { metadata: { namespace: "default", name: "a" } });
  const watch = await openWatch(`${url}${configMaps}?watch=true&resourceVersion=${since}`);
  assert.equal(shown(await watch.next()), "ADDED a");
  const made = await objects.create("ConfigMap", { metadata: { namespace: "default", name: "b" } });
  await objects.create("ConfigMap", { metadata: { namespace: "kube-system", name: "elsewhere" } });
  await objects.update("ConfigMap", { ...made, data: { x: "y" } });
  await objects.delete("ConfigMap", { namespace: "default", name: "a" });
  assert.deepEqual(
    [shown(await watch.next()), shown(await watch.next()), shown(await watch.next())],
    ["ADDED b", "MODIFIED b", "DELETED a"],
  );
  watch.close();
});

test("sendInitialEvents sends what exists and then the bookmark that says so", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  await objects.create("ConfigMap", { metadata: { namespace: "default", name: "a" } });
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const watch = await openWatch(`${url}${configMaps}?${query}`);
  assert.equal(shown(await watch.next()), "ADDED a");
  const bookmark = await watch.next();
  assert.equal(bookmark?.type, "BOOKMARK");
  assert.equal(bookmark?.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
  assert.equal(bookmark?.object.metadata.resourceVersion, server.store.resourceVersion);
  watch.close();
});

test("an object that begins or ceases to match a selector is added or deleted for the watcher", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  const watch = await openWatch(`${url}${configMaps}?watch=true&labelSelector=on`);
  const metadata = { namespace: "default", name: "a" };
  const off = await objects.create("ConfigMap", { metadata });
  const on = await objects.update("ConfigMap", { ...off, metadata: { ...off.metadata, labels: { on: "" } } });
  const changed = await objects.update("ConfigMap", { ...on, data: { x: "y" } });
  const { labels: _none, ...bare } = changed.metadata ?? {};
  await objects.update("ConfigMap", { ...changed, metadata: bare });
  await objects.delete("ConfigMap", metadata);
  assert.deepEqual(
    [shown(await watch.next()), shown(await watch.next()), shown(await watch.next())],
    ["ADDED a", "MODIFIED a", "DELETED a"],
  );
  watch.close();
});

test("a watch from a version that is gone ends with an ERROR of 410", async () => {
  await using server = await serveInMemory();
  const watch = await openWatch(`${server.url}${configMaps}?watch=true&resourceVersion=1`);
  const error = await watch.next();
  assert.equal(error?.type, "ERROR");
  assert.deepEqual([error?.object.code, error?.object.reason], [410, "Expired"]);
  assert.equal(await watch.next(), undefined);
});

test("a watch ends cleanly after timeoutSeconds", async () => {
  await using server = await serveInMemory();
  const watch = await openWatch(`${server.url}${configMaps}?watch=true&timeoutSeconds=1`);
  assert.equal(await watch.next(), undefined);
  assert.equal(watch.response.complete, true);
});

test("a watch of tables has the columns once and a row for each event", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const watch = await openWatch(`${url}${configMaps}?watch=true`, { accept });
  for (const name of ["a", "b"]) await objects.create("ConfigMap", { metadata: { namespace: "default", name } });
  const tables = [await watch.next(), await watch.next()].map(
    (frame) => frame?.object as unknown as Record<string, unknown>,
  );
  assert.equal(tables[0]?.["kind"], "Table");
  assert.ok(Array.isArray(tables[0]?.["columnDefinitions"]));
  assert.equal(tables[1]?.["columnDefinitions"], null);
  const rows = tables[1]?.["rows"] as { cells: unknown[]; object: { kind: string } }[];
  assert.equal(rows[0]?.cells[0], "b");
  assert.equal(rows[0]?.object.kind, "PartialObjectMetadata");
  watch.close();
});

test("a watcher that does not read is cut off and does not hold up the others", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  const lazy = await openWatch(`${url}${configMaps}?watch=true`);
  lazy.response.pause();
  const busy = await openWatch(`${url}${configMaps}?watch=true`);
  const data = { filling: "x".repeat(900_000) };
  const closed = new Promise<void>((resolve) => lazy.response.socket.once("close", () => resolve()));
  for (let n = 0; n < 24; n++) {
    const name = `big-${n}`;
    await objects.create("ConfigMap", { metadata: { namespace: "default", name }, data });
    assert.equal(shown(await busy.next()), `ADDED ${name}`);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /apiserver_slow_watchers_total\{resource="configmaps"\} 1/);
  lazy.response.resume();
  await closed;
  busy.close();
});

test("watches that follow one another on a connection wait for their turn, and go with it", async () => {
  await using server = await serveInMemory();
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  let got = "";
  socket.setEncoding("utf8").on("data", (text: string) => (got += text));
  const ask = (seconds: number): void => {
    socket.write(`GET ${configMaps}?watch=true&timeoutSeconds=${seconds} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  };
  ask(1);
  ask(1);
  ask(3600);
  ask(3600);
  const answers = (): number => got.split("HTTP/1.1 200 OK").length - 1;
  await eventually(() => answers() === 3, { what: "three watches, one after the other" });
  assert.doesNotMatch(got, /HTTP\/1.1 4/);
  socket.destroy();
  const busy = async (): Promise<string> => /inflight_requests (\d+)/.exec(await metricsOf(server.url))?.[1] ?? "";
  await eventually(async () => (await busy()) === "1", { what: "no watch left but the question itself" });
});

test("a watch without a time of its own, or with a very long one, goes on", async () => {
  await using server = await serveInMemory();
  const { objects, url } = server;
  const queries = ["timeoutSeconds=0", "timeoutSeconds=-1", "timeoutSeconds=99999999", ""];
  const watches = await Promise.all(queries.map((query) => openWatch(`${url}${configMaps}?watch=true&${query}`)));
  await systemClock.sleep(30);
  await objects.create("ConfigMap", { metadata: { namespace: "default", name: "a" } });
  for (const [at, watch] of watches.entries()) {
    assert.equal(shown(await watch.next()), "ADDED a", queries[at]);
    watch.close();
  }
});

async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}
