import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { systemClock, type Clock } from "../../lib/clock.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { createLogger, silentLogger } from "../../lib/log.ts";
import { type CertificateOrder, ClusterAuthority } from "./cluster-authority.ts";
import { ProvidedIdentity } from "./provided-identity.ts";

const ORDER: CertificateOrder = {
  usage: "server",
  commonName: "api",
  altNames: ["*.example.com", "10.1.2.3"],
  days: 30,
};

/** A CA of somebody else's, and files of its certificates. */
async function somebody(t: TestContext, order: Partial<CertificateOrder> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "provided-"));
  t.after(() => rm(directory, { recursive: true }));
  const ca = await ClusterAuthority.open({ directory: join(directory, "ca"), clock: systemClock });
  const file = (name: string): string => join(directory, name);
  const issue = async (changed: Partial<CertificateOrder> = {}): Promise<void> => {
    const { certificate, key } = ca.issue({ ...ORDER, ...order, ...changed });
    await writeFile(file("tls.key"), key);
    await writeFile(file("tls.crt"), certificate);
  };
  await issue();
  await writeFile(file("ca.crt"), ca.certificate);
  const files = {
    certificateFile: file("tls.crt"),
    keyFile: file("tls.key"),
    caFile: file("ca.crt"),
    skipVerify: false,
  };
  return { file, files, issue };
}

const later = (days: number): Clock => ({ ...systemClock, now: () => systemClock.now() + days * 86_400_000 });

test("a certificate of one's own is shown, knows its names, and is read again when its files change", async (t) => {
  const { files, issue } = await somebody(t);
  const ticks: (() => void)[] = [];
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => ticks.push(resolve)) };
  const identity = new ProvidedIdentity({ clock, log: silentLogger }, files);
  await identity.load();
  assert.deepEqual(
    ["a.example.com", "10.1.2.3", "kubernetes.default.svc", "10.1.2.4"].map((name) => identity.covers(name)),
    [true, true, false, false],
  );
  assert.deepEqual([identity.hasAddress, identity.nameFor("n1.local")], [true, "n1.example.com"]);
  const stop = new AbortController();
  const running = identity.run(stop.signal);
  const seen: string[] = [];
  identity.onChange(({ certificate }) => seen.push(certificate), stop.signal);
  const before = identity.current.certificate;
  await writeFile(files.keyFile, "half");
  ticks.shift()?.();
  await eventually(() => ticks.length > 0);
  assert.equal(identity.current.certificate, before);
  await issue();
  ticks.shift()?.();
  await eventually(() => seen.length === 1);
  assert.equal(identity.current.certificate, await readFile(files.certificateFile, "utf8"));
  assert.notEqual(identity.current.certificate, before);
  stop.abort();
  ticks.shift()?.();
  await running;
});

type Spoil = (of: Awaited<ReturnType<typeof somebody>>, t: TestContext) => Promise<unknown>;

const refusals: readonly (readonly [string, Spoil, RegExp])[] = [
  ["no file", ({ file }) => rm(file("tls.crt")), /^Cannot read --tls-cert .*tls\.crt: it does not exist$/],
  ["no CA file", ({ file }) => rm(file("ca.crt")), /^Cannot read --tls-ca .*ca\.crt: it does not exist$/],
  [
    "mixed up files",
    ({ file, files }) => writeFileFrom(files.keyFile, file("tls.crt")),
    /--tls-cert .*were the files mixed up/,
  ],
  ["no certificate", ({ file }) => writeFile(file("tls.crt"), "x"), /--tls-cert .*expected certificates in PEM/],
  ["no key", ({ file }) => writeFile(file("tls.key"), "secret"), /--tls-key .*expected a private key in PEM/],
  [
    "a locked key",
    ({ file }) =>
      writeFile(file("tls.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----"),
    /--tls-key .*locked with a passphrase; write it without one: openssl pkey -in /,
  ],
  [
    "another's key",
    async ({ file }, t) => writeFileFrom((await somebody(t)).files.keyFile, file("tls.key")),
    /--tls-key .*is not the key of the first certificate in /,
  ],
  [
    "another's CA",
    async ({ file }, t) => writeFileFrom((await somebody(t)).file("ca.crt"), file("ca.crt")),
    /no certificate in --tls-ca .* has signed it; .*; or take it as it is with --tls-skip-verify$/,
  ],
  ["a client's", ({ issue }) => issue({ usage: "client" }), /is not for servers/],
];

async function writeFileFrom(from: string, to: string): Promise<void> {
  await writeFile(to, await readFile(from));
}

for (const [what, spoil, message] of refusals) {
  test(`${what} is refused with the flag, the file and the fix`, async (t) => {
    const own = await somebody(t);
    await spoil(own, t);
    const identity = new ProvidedIdentity({ clock: systemClock, log: silentLogger }, own.files);
    await assert.rejects(identity.load(), (error: Error) => {
      assert.ok(error instanceof DamagedFile && !error.message.includes("secret"));
      assert.match(error.message, message);
      return true;
    });
  });
}

test("a certificate that is over is refused, and only told of with --tls-skip-verify", async (t) => {
  const { files } = await somebody(t);
  const lines: string[] = [];
  const deps = { clock: later(31), log: createLogger({ write: (line) => lines.push(line) }) };
  await assert.rejects(
    new ProvidedIdentity(deps, files).load(),
    /--tls-cert .*: it expired at .*: renew it; or take it/,
  );
  const identity = new ProvidedIdentity(deps, { ...files, skipVerify: true });
  await identity.load();
  assert.match(lines.join(""), /clients will not believe the API's certificate.*it expired at/);
});
