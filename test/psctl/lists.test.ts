import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { runPsctl } from "../../src/cli/psctl.ts";

const ANSWERS: Readonly<Record<string, object>> = {
  "/api/v1/members": {
    cluster: "c1",
    join_address: "10.0.0.1:7946",
    removed: false,
    members: [
      { name: "n1", host: "10.0.0.1", port: 7946, state: "alive" },
      { name: "n2", host: "10.0.0.2", port: 7946, state: "dead" },
    ],
  },
  "/api/v1/join-tokens": {
    join_tokens: [{ id: "k3p1weh9", name: "for n3", expires_at: null, uses_left: 1, state: "good" }],
  },
};

/** Runs psctl against a server with the answers above. */
async function psctl(t: TestContext, words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(ANSWERS[request.url ?? ""]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const texts = { out: "", err: "" };
  const streams = {
    out: (text: string) => void (texts.out += text),
    err: (text: string) => void (texts.err += text),
    input: () => Promise.resolve(""),
    terminal: false,
  };
  const env = { PSCTL_SERVER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, PSCTL_CONFIG: "/nowhere" };
  return { code: await runPsctl(words, { streams, env, signal: t.signal }), ...texts };
}

const lists: readonly (readonly [words: string, out: string])[] = [
  ["members", "NAME   ADDRESS         STATE\nn1     10.0.0.1:7946   alive\nn2     10.0.0.2:7946   dead\n"],
  ["members -o wide", "NAME   ADDRESS         STATE\nn1     10.0.0.1:7946   alive\nn2     10.0.0.2:7946   dead\n"],
  ["members -o name", "n1\nn2\n"],
  ["members -o jsonpath={.members[*].state}", "alive dead"],
  ["members -o custom-columns=WHO:.name,PORT:.port", "WHO   PORT\nn1    7946\nn2    7946\n"],
  ["token list -o name", "k3p1weh9\n"],
  [
    "token list -o yaml",
    "join_tokens:\n- expires_at: null\n  id: k3p1weh9\n  name: for n3\n  state: good\n  uses_left: 1\n",
  ],
];

for (const [words, out] of lists) {
  test(`psctl ${words} prints what it says`, async (t) => {
    assert.deepEqual(await psctl(t, words.split(" ")), { code: 0, out, err: "" });
  });
}

for (const [words, path] of [
  ["members -o json", "/api/v1/members"],
  ["token list -o json", "/api/v1/join-tokens"],
] as const) {
  test(`psctl ${words} gives the whole answer`, async (t) => {
    assert.deepEqual(JSON.parse((await psctl(t, words.split(" "))).out), ANSWERS[path]);
  });
}

for (const [words, why] of [
  ["members -o xml", /-o "xml": expected table, wide, json/],
  ["members remove n2 -o json", /-o goes with psctl members/],
  ["token create -o json", /-o goes with psctl token list/],
] as const) {
  test(`psctl ${words} is refused`, async (t) => {
    const { code, out, err } = await psctl(t, words.split(" "));
    assert.notEqual(code, 0);
    assert.equal(out, "");
    assert.match(err, why);
  });
}
