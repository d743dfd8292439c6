import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { silentLogger } from "../../lib/log.ts";
import { ClusterAuthority } from "./cluster-authority.ts";
import { writeOwnerKubeconfig } from "./owner-kubeconfig.ts";
import { ServerIdentity } from "./server-identity.ts";

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "authority-test-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

const DAY_MS = 86_400_000;
const later = (days: number): Clock => ({ ...systemClock, now: () => systemClock.now() + days * DAY_MS });

test("the authority is made once, in files that only the owner reads", async (t) => {
  const directory = await temporary(t);
  const first = await ClusterAuthority.open({ directory, clock: systemClock });
  const second = await ClusterAuthority.open({ directory, clock: systemClock });
  assert.equal(first.certificate, second.certificate);
  assert.match(first.digest, /^[0-9a-f]{64}$/);
  const parsed = new X509Certificate(first.certificate);
  assert.equal(parsed.ca, true);
  assert.equal(parsed.verify(parsed.publicKey), true);
  for (const file of ["ca.crt", "ca.key"]) assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  await unlink(join(directory, "ca.key"));
  await assert.rejects(
    ClusterAuthority.open({ directory, clock: systemClock }),
    /Cannot use the cluster's CA.*ca.key is missing/,
  );
});

test("an issued certificate names its subject and its addresses", async (t) => {
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const altNames = ["localhost", "10.43.0.1", "fd00::1:2", "::1", "::ffff:10.0.0.1", "fd00:1:2:3:4:5:6:7"];
  const pair = authority.issue({ usage: "server", commonName: "node-1", altNames, days: 90 });
  const parsed = new X509Certificate(pair.certificate);
  assert.equal(parsed.checkIssued(new X509Certificate(authority.certificate)), true);
  assert.equal(parsed.verify(new X509Certificate(authority.certificate).publicKey), true);
  assert.equal(parsed.checkPrivateKey(createPrivateKey(pair.key)), true);
  assert.equal(parsed.checkHost("localhost"), "localhost");
  for (const address of altNames.slice(1)) assert.equal(parsed.checkIP(address), address, address);
  assert.equal(parsed.checkIP("10.43.0.2"), undefined);
  const client = authority.issue({ usage: "client", commonName: "me", organizations: ["system:masters"], days: 1 });
  assert.equal(new X509Certificate(client.certificate).subject, "O=system:masters\nCN=me");
});

test("validity past 2049 is written in the form that X.509 demands", async (t) => {
  const authority = await ClusterAuthority.open({ directory: await temporary(t), clock: systemClock });
  const pair = authority.issue({ usage: "client", commonName: "me", days: 365 * 40 });
  const until = new X509Certificate(pair.certificate).validToDate.getTime();
  assert.ok(Math.abs(until - later(365 * 40).now()) < 5_000);
});

test("the server's certificate is kept, renewed before it expires, and renewed for a new name", async (t) => {
  const directory = await temporary(t);
  const authority = await ClusterAuthority.open({ directory, clock: systemClock });
  const names = ["localhost"];
  let clock = systemClock;
  const ticking: Clock = { ...systemClock, now: () => clock.now() };
  const deps = { authority, clock: ticking, log: silentLogger };
  const identity = new ServerIdentity(deps, { directory, commonName: "n", altNames: () => names });
  await identity.load();
  const first = identity.current.certificate;
  const seen: string[] = [];
  identity.onChange(({ certificate }) => seen.push(certificate), t.signal);
  await identity.load();
  assert.deepEqual(seen, []);
  clock = later(65);
  names.push("10.1.2.3");
  await identity.load();
  assert.equal(seen.length, 1);
  assert.notEqual(seen[0], first);
  assert.equal(new X509Certificate(seen[0] ?? "").checkIP("10.1.2.3"), "10.1.2.3");
  await writeFile(join(directory, "server.crt"), "broken");
  await identity.load();
  assert.equal(seen.length, 2);
});

test("the owner's kubeconfig is kept while it is good", async (t) => {
  const directory = await temporary(t);
  const authority = await ClusterAuthority.open({ directory, clock: systemClock });
  const { readFile } = await import("node:fs/promises");
  const write = async (clock: Clock, server: string): Promise<string> =>
    readFile(await writeOwnerKubeconfig({ authority, clock }, { directory, server }), "utf8");
  const first = await write(systemClock, "https://127.0.0.1:6443");
  assert.equal(await write(systemClock, "https://127.0.0.1:6443"), first);
  assert.equal((await stat(join(directory, "kubeconfig"))).mode & 0o777, 0o600);
  assert.notEqual(await write(later(300), "https://127.0.0.1:6443"), first);
  assert.match(await write(systemClock, "https://10.0.0.1:6443"), /server: https:\/\/10\.0\.0\.1:6443/);
});

test("a damaged or half lost authority is refused with a sentence, and never replaced", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "authority-"));
  t.after(() => rm(directory, { recursive: true }));
  const open = (): Promise<ClusterAuthority> => ClusterAuthority.open({ directory, clock: systemClock });
  await open();
  const files = ["ca.crt", "ca.key"].map((name) => join(directory, name));
  const [certificate = "", key = ""] = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const broken = [
    ["", key],
    ["garbage", key],
    [certificate, ""],
    [certificate, "garbage"],
    [certificate.slice(0, 200), key],
  ];
  for (const contents of broken) {
    await Promise.all(files.map((file, at) => writeFile(file, contents[at] ?? "")));
    await assert.rejects(open(), (error) => {
      assert.ok(error instanceof DamagedFile);
      assert.match(error.message, /^Cannot use the cluster's CA, .*ca\.crt with .*ca\.key: .*Put both back/);
      assert.doesNotMatch(error.message, /PRIVATE KEY/);
      return true;
    });
  }
  await Promise.all([writeFile(files[0] ?? "", certificate), unlink(files[1] ?? "")]);
  await assert.rejects(open(), /ca\.key is missing/);
});
