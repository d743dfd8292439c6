import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { formatJoinToken, makeJoinToken, parseJoinToken, provingKey, verifierOf } from "./join-token.ts";
import { JoinTokens, type TokenProof, type TokenVerdict } from "./join-tokens.ts";

const DIGEST = "0123456789abcdef".repeat(4);
const MESSAGE = Buffer.from("a session");

function prove(token: string, message: Uint8Array = MESSAGE): TokenProof {
  const parsed = parseJoinToken(token);
  return { id: parsed.id, message, signature: sign(null, message, provingKey(parsed)) };
}

function setUp(nodeName = "one") {
  let offset = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const store = openMemoryStore();
  const tokens = new JoinTokens({ store, clock, nodeName, caDigest: () => DIGEST });
  return { store, clock, tokens, pass: (seconds: number) => void (offset += seconds * 1000) };
}

const refusalOf = (verdict: TokenVerdict): string => ("refusal" in verdict ? verdict.refusal : "accepted");

test("a token is read as it was written, also in capitals and with look-alikes", () => {
  const made = makeJoinToken(DIGEST);
  const text = formatJoinToken(made);
  assert.match(text, /^PSWM-1-[0-9a-hjkmnp-tv-z]{52}-[0-9a-hjkmnp-tv-z]{44}$/);
  assert.deepEqual(parseJoinToken(text), made);
  assert.deepEqual(parseJoinToken(` ${text.toUpperCase()}\n`), made);
  const [prefix, rest] = [text.slice(0, 7), text.slice(7)];
  assert.deepEqual(parseJoinToken(prefix + rest.replaceAll("0", "O").replaceAll("1", "l")), made);
});

test("a wrong token says what is wrong with it and tells nothing of it", () => {
  const text = formatJoinToken(makeJoinToken(DIGEST));
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /does not begin with PSWM-1-/],
    ["SWMTKN-1-x-y", /does not begin with PSWM-1-/],
    [text.replace("PSWM-1", "PSWM-2"), /newer version/],
    [text.slice(0, -3), /was it cut/],
    [`${text}0`, /was it cut/],
    [`${text}-x`, /was it cut/],
    [text.slice(0, 60), /was it cut/],
    ["x".repeat(1_000_000), /does not begin/],
  ];
  for (const [wrong, message] of cases) assert.throws(() => parseJoinToken(wrong), message);
});

test("every single wrong character and every swap of neighbours is noticed", () => {
  const text = formatJoinToken(makeJoinToken(DIGEST));
  let slipped = 0;
  for (let at = 7; at < text.length; at += 1) {
    const other = text[at] === "7" ? "8" : "7";
    const swapped = text.slice(0, at) + (text[at + 1] ?? "") + text[at] + text.slice(at + 2);
    for (const wrong of [text.slice(0, at) + other + text.slice(at + 1), swapped]) {
      if (wrong === text) continue;
      try {
        parseJoinToken(wrong);
        slipped += 1;
      } catch (error) {
        assert.match((error as Error).message, /^Cannot read the join token: /);
      }
    }
  }
  // One in a million by chance.
  assert.ok(slipped <= 1, `${slipped} mistakes were not noticed`);
});

test("no text crashes the reader", () => {
  const text = formatJoinToken(makeJoinToken(DIGEST));
  const nearly = fc.array(fc.tuple(fc.nat(text.length), fc.string({ unit: "grapheme", maxLength: 3 })), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), nearly), (input) => {
      const wrong =
        typeof input === "string"
          ? input
          : input.reduce((all, [at, part]) => all.slice(0, at) + part + all.slice(at), text);
      try {
        parseJoinToken(wrong);
      } catch (error) {
        assert.match((error as Error).message, /^Cannot read the join token: /);
      }
    }),
  );
});

test("the secret is stored nowhere, and what is stored cannot prove it", async () => {
  const { tokens, store } = setUp();
  const { token, id } = await tokens.create({ name: "worker" });
  const kept = store
    .list("jointokens.podman-swarm.io")
    .entries.map((entry) => entry.json().toString())
    .join();
  const { secret } = parseJoinToken(token);
  for (const form of [token.slice(-44), token.slice(-36, -4), secret.toString("hex"), secret.toString("base64")]) {
    assert.ok(!kept.includes(form));
  }
  assert.ok(kept.includes(verifierOf(parseJoinToken(token))));
  assert.throws(() =>
    createPrivateKey({ key: Buffer.from(verifierOf(parseJoinToken(token)), "base64"), format: "der", type: "pkcs8" }),
  );
  assert.deepEqual(await tokens.redeem(prove(token), "user"), { token: id });
});

test("a wrong secret, an unknown token and the proof of another session are refused alike", async () => {
  const { tokens } = setUp();
  const { token, id } = await tokens.create({ name: "worker" });
  const other = makeJoinToken(DIGEST);
  const wrong: TokenProof = { ...prove(formatJoinToken({ ...other, id })) };
  assert.equal(refusalOf(await tokens.redeem(wrong, "user")), "WrongToken");
  assert.equal(refusalOf(await tokens.redeem(prove(formatJoinToken(other)), "user")), "WrongToken");
  const replayed = { ...prove(token), message: Buffer.from("another session") };
  assert.equal(refusalOf(await tokens.redeem(replayed, "user")), "WrongToken");
  assert.equal(refusalOf(await tokens.redeem({ ...prove(token), signature: Buffer.alloc(64) }, "user")), "WrongToken");
  assert.equal(refusalOf(await tokens.redeem({ ...prove(token), signature: Buffer.alloc(3) }, "user")), "WrongToken");
});

test("a token that is expired, revoked or used up says so to who has its secret", async () => {
  const { tokens, pass } = setUp();
  const short = await tokens.create({ name: "short", expiresIn: 60 });
  const revoked = await tokens.create({ name: "revoked" });
  const twice = await tokens.create({ name: "twice", uses: 2 });
  await tokens.revoke(revoked.id);
  assert.equal(refusalOf(await tokens.redeem(prove(revoked.token), "a")), "TokenRevoked");
  assert.equal(refusalOf(await tokens.redeem(prove(short.token), "a")), "accepted");
  pass(61);
  assert.equal(refusalOf(await tokens.redeem(prove(short.token), "a")), "TokenExpired");
  const both = await Promise.all(["a", "b", "c", "d"].map((user) => tokens.redeem(prove(twice.token), user)));
  assert.deepEqual(both.map(refusalOf).toSorted(), ["TokenUsedUp", "TokenUsedUp", "accepted", "accepted"]);
  const first = ["a", "b", "c", "d"][both.findIndex((verdict) => "token" in verdict)] ?? "";
  assert.equal(refusalOf(await tokens.redeem(prove(twice.token), first)), "accepted", "the same one may come again");
  assert.deepEqual(
    tokens
      .list()
      .map(({ name, state, usesLeft }) => [name, state, usesLeft])
      .toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))),
    [
      ["revoked", "revoked", undefined],
      ["short", "expired", undefined],
      ["twice", "used up", 0],
    ],
  );
  pass(8 * 86_400);
  await tokens.removeOld();
  assert.deepEqual(
    tokens.list().map(({ name }) => name),
    ["twice"],
  );
});

test("a rotated token has a new secret and the old one's limits, and the old one is refused", async () => {
  const { tokens } = setUp();
  const old = await tokens.create({ name: "worker", uses: 3, expiresIn: 600 });
  await tokens.redeem(prove(old.token), "a");
  const made = await tokens.rotate(old.id);
  assert.deepEqual([made.name, made.usesLeft, made.expiresAt !== undefined], ["worker", 2, true]);
  assert.equal(refusalOf(await tokens.redeem(prove(old.token), "b")), "TokenRevoked");
  assert.equal(refusalOf(await tokens.redeem(prove(made.token), "b")), "accepted");
  await assert.rejects(tokens.rotate(old.id), /it is revoked/);
  await assert.rejects(tokens.revoke("none"), /there is none/);
});

test("a token with a count is counted by the node that made it, whichever member is asked", async () => {
  const { tokens, store, clock } = setUp("one");
  const { token } = await tokens.create({ name: "once", uses: 1 });
  const second = openMemoryStore();
  await second.apply([...store.states()]);
  let reachable = false;
  const elsewhere = new JoinTokens({
    store: second,
    clock,
    nodeName: "two",
    caDigest: () => DIGEST,
    redeemAt: async (issuer, proof, user) => {
      assert.equal(issuer, "one");
      if (!reachable) throw new Error("no route");
      return await tokens.redeemForMember(proof, user);
    },
  });
  const refused = await elsewhere.redeem(prove(token), "a");
  assert.match(
    "message" in refused ? refused.message : "",
    /counted by the node one, which cannot be asked \(no route\)/,
  );
  reachable = true;
  assert.equal(refusalOf(await elsewhere.redeem(prove(token), "a")), "accepted");
  assert.equal(refusalOf(await elsewhere.redeem(prove(token), "b")), "TokenUsedUp");
  assert.equal(refusalOf(await elsewhere.redeem(prove(token), "a")), "accepted");
  assert.equal(refusalOf(await elsewhere.redeemForMember(prove(token), "a")), "TokenOfOtherNode");
});

test("a token that is revoked while its use is counted elsewhere is refused", async () => {
  const { tokens, store, clock } = setUp("one");
  const { id, token } = await tokens.create({ name: "once", uses: 1 });
  const second = openMemoryStore();
  await second.apply([...store.states()]);
  const elsewhere: JoinTokens = new JoinTokens({
    store: second,
    clock,
    nodeName: "two",
    caDigest: () => DIGEST,
    redeemAt: async (_, proof, user) => {
      const verdict = await tokens.redeemForMember(proof, user);
      await elsewhere.revoke(id);
      return verdict;
    },
  });
  assert.equal(refusalOf(await elsewhere.redeem(prove(token), "a")), "TokenRevoked");
});

test("a revocation on one member and a use on another at once are both there after the merge", async () => {
  const { tokens, store, clock } = setUp("one");
  const { id, token } = await tokens.create({ name: "twice", uses: 2 });
  const second = openMemoryStore();
  await second.apply([...store.states()]);
  const elsewhere = new JoinTokens({ store: second, clock, nodeName: "two", caDigest: () => DIGEST });
  await elsewhere.revoke(id);
  await tokens.redeem(prove(token), "a");
  await store.apply([...second.states()]);
  assert.deepEqual(
    tokens.list().map(({ usesLeft, state }) => [usesLeft, state]),
    [[1, "revoked"]],
  );
});
