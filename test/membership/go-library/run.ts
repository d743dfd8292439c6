import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { secretBytes } from "../../../src/lib/random.ts";
import { PrivateNetwork } from "../interop/private-network.ts";
import { eventually } from "../../poll.ts";

/**
 * `node test/membership/go-library/run.ts`, where a Go toolchain is: two members of the current Go library (which Debian's
 * Serf is not built on) and two of ours, with a label, encrypted in both versions, on hosts of their own. They join, one is
 * killed, one leaves, and strangers with another key or none are refused both ways.
 */
const LABEL = "blue";
const key = secretBytes(32).toString("base64");
const otherKey = secretBytes(32).toString("base64");
const folder = mkdtempSync(join(tmpdir(), "podman-swarm-go-"));
const goMember = join(folder, "member");
const ourMember = fileURLToPath(new URL("../interop/member-process.ts", import.meta.url));

class Member {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(name: string, command: readonly string[]) {
    const { file, args } = network.on(name);
    this.name = name;
    this.#child = spawn(file, [...args, ...command]);
    this.#child.stderr.resume();
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    return JSON.parse(String((await this.#answers.next()).value)) as unknown;
  }

  async ask(line: string): Promise<unknown> {
    this.#child.stdin.write(`${line}\n`);
    return await this.next();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

interface Kind {
  readonly keys?: readonly string[];
  readonly version: number;
}

async function started(member: Member): Promise<Member> {
  members.push(member);
  await member.next();
  return member;
}

const go = (name: string, { keys = [key], version }: Kind): Promise<Member> =>
  started(new Member(name, [goMember, name, address(name), LABEL, keys[0] ?? "", `${version}`]));

function ours(name: string, { keys = [key], version }: Kind): Promise<Member> {
  const bind = { host: address(name), port: 7946 };
  const config = { name, bind, keys, label: LABEL, meta: "ours", protocolVersion: version };
  return started(new Member(name, [process.execPath, ourMember, JSON.stringify(config)]));
}

function address(name: string): string {
  return hosts.get(name) ?? "";
}

/** The living, with their metadata. */
async function list(member: Member): Promise<Record<string, string>> {
  if (member.name.startsWith("go")) return (await member.ask("list")) as Record<string, string>;
  const { value } = (await member.ask('{"do":"list"}')) as { value: Record<string, { state: string; meta: string }> };
  const living = Object.entries(value).filter(([, { state }]) => state === "alive" || state === "suspect");
  return Object.fromEntries(living.map(([name, { meta }]) => [name, Buffer.from(meta, "base64").toString()]));
}

async function agree(what: string, viewers: readonly Member[]): Promise<void> {
  const wanted = Object.fromEntries(viewers.map(({ name }) => [name, name.startsWith("go") ? "go" : "ours"]));
  const check = async (): Promise<boolean> => {
    for (const viewer of viewers) assert.deepEqual(await list(viewer), wanted);
    return true;
  };
  await eventually(check, { timeoutMs: 60_000, everyMs: 250, what });
  process.stdout.write(`${what}: all lists agree\n`);
}

async function refuses(what: string, stranger: Member, to: string): Promise<void> {
  const answer = stranger.name.startsWith("go")
    ? await stranger.ask(`join ${address(to)}:7946`)
    : await stranger.ask(JSON.stringify({ do: "join", value: `${address(to)}:7946` }));
  if (typeof answer === "number") assert.equal(answer, 0);
  else assert.match(JSON.stringify(answer), /Cannot join/u);
  stranger.kill();
  process.stdout.write(`${what}: refused\n`);
}

execFileSync(fileURLToPath(new URL("build.sh", import.meta.url)), [goMember], {
  stdio: ["ignore", "ignore", "inherit"],
});
const network = await PrivateNetwork.open();
const hosts = new Map<string, string>();
const members: Member[] = [];
try {
  const names = ["go1", "go5", "ours1", "ours5", "go-wrong", "go-plain", "ours-wrong"];
  for (const [index, name] of names.entries()) hosts.set(name, await network.addHost(name, index + 1));
  const go1 = await go("go1", { version: 1 });
  const go5 = await go("go5", { version: 5 });
  const ours1 = await ours("ours1", { version: 1 });
  const ours5 = await ours("ours5", { version: 5 });
  assert.equal(await go5.ask(`join ${address("go1")}:7946`), 1);
  await ours5.ask(JSON.stringify({ do: "join", value: `${address("go5")}:7946` }));
  await ours1.ask(JSON.stringify({ do: "join", value: `${address("go1")}:7946` }));
  await agree("joined, with protocol versions 1 and 5", [go1, go5, ours1, ours5]);
  await refuses("the Go library with another key", await go("go-wrong", { keys: [otherKey], version: 5 }), "ours5");
  await refuses("the Go library without a key", await go("go-plain", { keys: [], version: 5 }), "ours5");
  await refuses("ours with another key", await ours("ours-wrong", { keys: [otherKey], version: 5 }), "go5");
  ours5.kill();
  await agree("one of ours killed", [go1, go5, ours1]);
  assert.equal(await go5.ask("leave"), true);
  await agree("one of the Go library's left", [go1, ours1]);
} finally {
  for (const member of members) member.kill();
  await network.close();
  rmSync(folder, { recursive: true, force: true });
}
