import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { DataKeys } from "./data-keys.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import { TrustVault } from "./trust-vault.ts";

const WORD = "-----BEGIN PRIVATE KEY-----\nÄ";

/** A data directory with all kinds of files, open; `start` opens it as an agent's start does. */
async function directory(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), "trust-vault-"));
  t.after(() => rm(dataDir, { recursive: true }));
  await mkdir(join(dataDir, "pki/ingress"), { recursive: true });
  const secret = ["pki/ca.json", "pki/ingress/server.key", "api-token"];
  for (const name of [...secret, "pki/ca.crt", "kubeconfig"]) await writePrivateFile(join(dataDir, name), WORD);
  const passphraseFile = join(dataDir, "passphrase");
  await writeFile(passphraseFile, "a long passphrase\n");
  const start = async (options: { passphraseFile?: string; unlock?: boolean } = {}) => {
    const keys = await DataKeys.open({ file: join(dataDir, "data.key"), used: [], clock: systemClock, ...options });
    const vault = new TrustVault(dataDir, keys);
    await vault.use();
    return { keys, vault };
  };
  const readable = async (): Promise<string[]> => {
    const names = [...secret, "pki/ca.crt", "kubeconfig"];
    const texts = await Promise.all(names.map((name) => readFile(join(dataDir, name), "utf8")));
    return names.filter((_, at) => texts[at]?.includes("PRIVATE KEY"));
  };
  return { dataDir, secret, passphraseFile, start, readable };
}

test("with a passphrase all private keys are sealed, read as before, and opened again for good", async (t) => {
  const { dataDir, secret, passphraseFile, start, readable } = await directory(t);
  await start();
  assert.deepEqual(await readable(), [...secret, "pki/ca.crt", "kubeconfig"]);
  await start({ passphraseFile });
  assert.deepEqual(await readable(), ["pki/ca.crt", "kubeconfig"]);
  for (const name of secret) assert.equal(await readPrivateFile(join(dataDir, name)), WORD);
  await writePrivateFile(join(dataDir, "pki/gossip.json"), WORD);
  assert.ok(!(await readFile(join(dataDir, "pki/gossip.json"), "utf8")).includes("PRIVATE"));
  await assert.rejects(start(), /is locked: give its passphrase/);
  await start({ passphraseFile, unlock: true });
  await start();
  assert.deepEqual(await readable(), [...secret, "pki/ca.crt", "kubeconfig"]);
  assert.equal(await readFile(join(dataDir, "pki/gossip.json"), "utf8"), WORD);
});

test("a sealed file opens in its own place only, and with a replaced data key after it was sealed anew", async (t) => {
  const { dataDir, passphraseFile, start } = await directory(t);
  const { keys, vault } = await start({ passphraseFile });
  await rename(join(dataDir, "pki/ca.json"), join(dataDir, "pki/gossip.json"));
  await assert.rejects(
    readPrivateFile(join(dataDir, "pki/gossip.json")),
    /is not what was encrypted with the data key/,
  );
  await rename(join(dataDir, "pki/gossip.json"), join(dataDir, "pki/ca.json"));
  await keys.rotate();
  await vault.reseal();
  await keys.forgetOlder();
  await start({ passphraseFile });
  assert.equal(await readPrivateFile(join(dataDir, "pki/ca.json")), WORD);
});

test("what a node that has left set aside is sealed too, before it was locked or after", async (t) => {
  const { dataDir, passphraseFile, start } = await directory(t);
  await rename(join(dataDir, "pki"), join(dataDir, "pki.left-20261122T000000Z"));
  await start({ passphraseFile });
  const file = join(dataDir, "pki.left-20261122T000000Z/ca.json");
  assert.ok(!(await readFile(file, "utf8")).includes("PRIVATE"));
  await rename(join(dataDir, "pki.left-20261122T000000Z"), join(dataDir, "pki"));
  assert.equal(await readPrivateFile(join(dataDir, "pki/ca.json")), WORD);
});

test("what is written while files are sealed anew is not undone", async (t) => {
  const { dataDir, passphraseFile, start } = await directory(t);
  const { keys, vault } = await start({ passphraseFile });
  const file = join(dataDir, "pki/ca.json");
  for (let round = 0; round < 5; round += 1) {
    await keys.rotate();
    await Promise.all([vault.reseal(), writePrivateFile(file, `written ${round}`)]);
    assert.equal(await readPrivateFile(file), `written ${round}`);
  }
});
