import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { memberView } from "../../../test/support/member-view.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { caState } from "../../security/certificates/ca-material.ts";
import { ClusterAuthority, saveJoinedAuthority } from "../../security/certificates/cluster-authority.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { Removals } from "../replication/removals.ts";
import { CaRotation } from "./ca-rotation.ts";
import type { Answer, Question } from "./peer-questions.ts";

const DAY_MS = 86_400_000;
const FROM = { clusterId: "", nodeName: "", memberSince: 0, notAfter: 0 };

interface Node {
  readonly authority: ClusterAuthority;
  readonly rotation: CaRotation;
  readonly denied: DeniedNodes;
  readonly answers: Map<string, Answer>;
  state: MemberView["state"];
  /** What it says instead of taking this step, counted from 1. */
  readonly refuses: Map<number, string>;
}

/** Members of one cluster, which ask each other without a network. */
async function cluster(t: TestContext, names: readonly string[]): Promise<Record<string, Node>> {
  const nodes: Record<string, Node> = {};
  const members = (): MemberView[] => Object.entries(nodes).map(([name, { state }]) => memberView(name, state));
  const taken = new Map<string, number>();
  const ask = async ({ host }: { readonly host: string }, question: Question) => {
    const asked = nodes[host];
    if (question.kind === "take-authority") {
      taken.set(host, (taken.get(host) ?? 0) + 1);
      const why = asked?.refuses.get(taken.get(host) ?? 0);
      if (why !== undefined) throw new RefusedError("BadRequest", why);
    }
    const answer = asked?.answers.get(question.kind);
    if (!answer) throw new Error("it cannot be reached");
    return await answer(JSON.parse(JSON.stringify(question)), FROM);
  };
  for (const nodeName of names) {
    const directory = await mkdtemp(join(tmpdir(), "ca-rotation-test-"));
    t.after(() => rm(directory, { recursive: true }));
    const first = Object.values(nodes)[0];
    if (first) await saveJoinedAuthority(directory, first.authority.material);
    const authority = await ClusterAuthority.open({ directory, clock: systemClock });
    const answers = new Map<string, Answer>();
    const questions = { ask, answers: (kind: string, answer: Answer) => void answers.set(kind, answer) };
    const client = { members, subscribe: () => {} };
    const recorder = { record: () => {} };
    const store = openMemoryStore();
    const denied = new DeniedNodes({ store, clock: systemClock });
    const rotation = new CaRotation({
      removals: new Removals({ store, replica: store }),
      authority,
      client,
      questions,
      recorder,
      nodeName,
      others: () => [],
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    nodes[nodeName] = { authority, rotation, denied, answers, state: "alive", refuses: new Map() };
  }
  return nodes;
}

const identities = (nodes: Record<string, Node>): string[] => [
  ...new Set(Object.values(nodes).map(({ authority }) => caState(authority.material).identity)),
];

test("all living members have the new CA, and one that was away fetches it", async (t) => {
  const nodes = await cluster(t, ["a", "b", "c"]);
  const { a, b, c } = nodes as { a: Node; b: Node; c: Node };
  c.state = "dead";
  assert.deepEqual(await a.rotation.rotate({ overlapMs: DAY_MS }), { behind: undefined, away: ["c"] });
  assert.equal(b.authority.certificate, a.authority.certificate);
  assert.notEqual(c.authority.certificate, a.authority.certificate);
  assert.equal(await c.rotation.fetch({ host: "b", port: 7946 }), true);
  assert.equal(await c.rotation.fetch({ host: "a", port: 7946 }), false);
  assert.equal(await a.rotation.fetch({ host: "c", port: 7946 }), false);
  assert.equal(identities(nodes).length, 1);
});

test("a member that fails is named with what that means, and the command can be given again anywhere", async (t) => {
  const nodes = await cluster(t, ["a", "b", "c"]);
  const { a, b, c } = nodes as { a: Node; b: Node; c: Node };
  const before = a.authority.certificate;
  c.refuses.set(1, "the disk is full");
  await assert.rejects(
    a.rotation.rotate({ overlapMs: DAY_MS }),
    /^Error: c has not taken the new CA, with which nothing is signed yet; run the command again \(c: the disk is full\)/,
  );
  assert.equal(a.authority.certificate, before);
  const [, staged] = b.authority.trusted;
  c.refuses.set(3, "the disk is full again");
  assert.deepEqual(await b.rotation.rotate({ overlapMs: DAY_MS }), { behind: "c: the disk is full again", away: [] });
  assert.equal(b.authority.certificate, staged);
  assert.equal(await c.rotation.fetch({ host: "a", port: 7946 }), true);
  assert.equal(identities(nodes).length, 1);
});

test("with the new CA a member hears which nodes were removed, before it can give it to one of them", async (t) => {
  const nodes = await cluster(t, ["a", "b", "c"]);
  const { a, b, c } = nodes as { a: Node; b: Node; c: Node };
  c.state = "dead";
  await a.denied.deny("thief");
  const until = a.denied.until("thief") ?? assert.fail("it is removed");
  const known = (): unknown[] => [b, c].map(({ denied }) => denied.until("thief"));
  await a.rotation.rotate({ overlapMs: DAY_MS });
  assert.deepEqual(known(), [until, undefined]);
  c.authority.onChange(() => assert.deepEqual(known(), [until, until]), t.signal);
  assert.equal(await c.rotation.fetch({ host: "b", port: 7946 }), true);
  assert.deepEqual(known(), [until, until]);
});

test("a compromised CA is given to nobody while it is replaced, and is believed by nobody afterwards", async (t) => {
  const nodes = await cluster(t, ["a", "b", "c", "thief"]);
  const { a, b, thief } = nodes as { a: Node; b: Node; c: Node; thief: Node };
  nodes["c"]?.refuses.set(2, "the disk is full");
  await assert.rejects(a.rotation.replaceAtOnce(["thief"]), /c does not sign with the new CA yet, and the old one is/);
  for (const host of ["a", "b", "c"]) {
    await assert.rejects(thief.rotation.fetch({ host, port: 7946 }), /no secrets are given now/);
  }
  await assert.rejects(
    b.rotation.rotate({ overlapMs: DAY_MS }),
    /begun with --compromised and broke off: run that again/,
  );
  assert.deepEqual(await b.rotation.replaceAtOnce(["thief"]), { behind: undefined, away: [] });
  const { thief: _, ...honest } = nodes;
  assert.equal(identities(honest).length, 1);
  for (const { authority } of Object.values(honest)) assert.deepEqual(authority.trusted, [authority.certificate]);
});
