import assert from "node:assert/strict";
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import type { KubeObject } from "../../api/kinds.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import type { DurableStore } from "../../store/durable-store.ts";
import { openStore } from "../../store/open-store.ts";
import type { Key, StoreEvent } from "../../store/port.ts";
import { DataKeys } from "./data-keys.ts";

const WORD = "correct-horse-battery";
const NEEDLES = [WORD, Buffer.from(WORD).toString("base64")];
const KEY: Key = { resource: "secrets", namespace: "default", name: "db" };
const secret = (word = WORD): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db", namespace: "default", annotations: { applied: word } },
  data: { password: Buffer.from(word).toString("base64") },
});

interface Opened {
  readonly store: DurableStore;
  readonly keys: DataKeys | undefined;
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "data-keys-test-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

async function open(dataDir: string, options: { plain?: boolean; passphraseFile?: string } = {}): Promise<Opened> {
  const deps = { dataDir, nodeName: "one", clock: systemClock, random: systemRandom, logger: silentLogger };
  let keys: DataKeys | undefined;
  const openSealer = async (used: readonly string[]): Promise<DataKeys> => {
    const { passphraseFile } = options;
    keys = await DataKeys.open({ file: join(dataDir, "data.key"), used, clock: systemClock, passphraseFile });
    return keys;
  };
  const store = await openStore(deps, options.plain ? {} : { openSealer });
  return { store, keys };
}

/** The files in which a needle lies readable, the data key aside. */
async function found(dataDir: string, needles = NEEDLES): Promise<string[]> {
  const names = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hits = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file);
      return needles.some((needle) => bytes.includes(needle)) ? [file] : [];
    }),
  );
  return hits.flat();
}

const passwordOf = (store: DurableStore): unknown => store.get(KEY)?.object["data"];

test("a secret lies readable neither in the database, nor in its log, nor in a backup, and is there after a restart", async (t) => {
  const dataDir = await temporary(t);
  const first = await open(dataDir);
  const since = first.store.resourceVersion;
  await first.store.create(KEY, secret());
  await first.store.update(KEY, secret(`${WORD}-2`), { register: "main" });
  const backup = await first.store.backup();
  assert.deepEqual(await found(dataDir), []);
  await first.store.close();
  assert.deepEqual(await found(dataDir), []);
  assert.match(await readFile(backup, "utf8"), /"default\/db"/);
  assert.equal((await stat(join(dataDir, "data.key"))).mode & 0o777, 0o600);

  const second = await open(dataDir);
  assert.deepEqual(passwordOf(second.store), secret(`${WORD}-2`)["data"]);
  const events: StoreEvent[] = [];
  second.store.watch("secrets", since, (event) => events.push(event), new AbortController().signal);
  assert.deepEqual(
    events.map(({ entry }) => entry.object["data"]),
    [secret()["data"], secret(`${WORD}-2`)["data"]],
  );
  await second.store.close();
});

test("a plain database of an older version is encrypted at start, with its log, backups, imports and copies", async (t) => {
  const dataDir = await temporary(t);
  const { store } = await open(dataDir, { plain: true });
  await store.create(KEY, secret());
  for (let index = 0; index < 300; index += 1) {
    const name = `s${index}`;
    await store.create({ ...KEY, name }, { ...secret(), metadata: { name, namespace: "default" } });
  }
  await store.backup();
  await writeFile(join(dataDir, "state.json"), [...store.exportState()].join(""));
  await store.close();
  const database = join(dataDir, "state.db");
  await copyFile(database, `${database}.v1`);
  const older = new DatabaseSync(database);
  const since = ["registers DROP COLUMN sealed_by", "log DROP COLUMN sealed_by"].concat(
    ["written_by", "seen"].map((column) => `registers DROP COLUMN ${column}`),
  );
  older.exec(`DELETE FROM meta WHERE name = 'plain'; PRAGMA user_version = 2`);
  for (const change of since) older.exec(`ALTER TABLE ${change}`);
  older.close();
  assert.equal((await found(dataDir)).length, 4);

  const migrated = await open(dataDir);
  assert.deepEqual(await found(dataDir), []);
  assert.equal(migrated.store.list("secrets").entries.length, 301);
  assert.deepEqual(passwordOf(migrated.store), secret()["data"]);
  await migrated.store.close();
  assert.deepEqual(await found(dataDir), []);
});

test("a missing, a wrong and a damaged data key are refused, naming the file, and nothing is changed", async (t) => {
  const dataDir = await temporary(t);
  const file = join(dataDir, "data.key");
  const { store } = await open(dataDir);
  await store.create(KEY, secret());
  await store.close();
  const own = await readFile(file, "utf8");
  const refused = (text: RegExp): Promise<void> =>
    assert.rejects(open(dataDir), (error: Error) => {
      assert.match(error.message, /^Cannot open the state database .*state\.db: /);
      assert.match(error.message, text);
      assert.ok(error.message.includes(file));
      return true;
    });
  await rm(file);
  await refused(/the data key is missing: put .* back/);
  await assert.rejects(stat(file), /ENOENT/);
  await DataKeys.open({ file, used: [], clock: systemClock });
  await refused(/encrypted with the data key [0-9a-f]{16}, which .* does not hold/);
  await writeFile(file, own.replace(/"key": "..../, '"key": "AAAA'));
  await refused(/is damaged: put back the file/);
  await writeFile(file, "{}");
  await refused(/is damaged or of a newer program/);
  await writeFile(file, own);
  const again = await open(dataDir);
  assert.deepEqual(passwordOf(again.store), secret()["data"]);
  await again.store.close();
});

test("sealed text that was moved to another place or changed does not open", async (t) => {
  const keys = await DataKeys.open({ file: join(await temporary(t), "data.key"), used: [], clock: systemClock });
  const sealed = keys.seal("text", "here");
  assert.equal(keys.open(sealed, "here"), "text");
  assert.throws(() => keys.open(sealed, "there"), /is not what was encrypted/);
  const bytes = Buffer.from(sealed.text, "base64");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    for (const wrong of [bytes.subarray(0, at), changed]) {
      assert.throws(() => keys.open({ ...sealed, text: wrong.toString("base64") }, "here"), /is not what was/);
    }
  }
  assert.notEqual(keys.seal("text", "here").text, sealed.text);
});

test("a row that was moved to another secret in the database is refused", async (t) => {
  const dataDir = await temporary(t);
  const { store } = await open(dataDir);
  await store.create(KEY, secret());
  await store.create(
    { ...KEY, name: "other" },
    { ...secret("public-word"), metadata: { name: "other", namespace: "default" } },
  );
  await store.close();
  const db = new DatabaseSync(join(dataDir, "state.db"));
  db.exec(`UPDATE registers SET content = (SELECT content FROM registers WHERE name = 'db' AND register = 'main')
    WHERE name = 'other' AND register = 'main'`);
  db.close();
  await assert.rejects(open(dataDir), /"other".* is not what was encrypted with the data key/);
});

test("the data key rotates while secrets are written, and the older one is not needed any more", async (t) => {
  const dataDir = await temporary(t);
  const { store, keys } = await open(dataDir);
  assert.ok(keys);
  const before = keys.keyId;
  for (let index = 0; index < 450; index += 1) {
    const name = `s${index}`;
    await store.create({ ...KEY, name }, { ...secret(), metadata: { name, namespace: "default" } });
  }
  await store.backup();
  await keys.rotate();
  const writes = Array.from({ length: 50 }, (_, index) =>
    store.create({ ...KEY, name: `w${index}` }, { ...secret(), metadata: { name: `w${index}`, namespace: "default" } }),
  );
  assert.equal(await store.reseal(), true);
  await Promise.all(writes);
  assert.equal(await store.reseal(), true);
  await keys.forgetOlder();
  assert.deepEqual(keys.keyIds, [keys.keyId]);
  assert.notEqual(keys.keyId, before);
  const [backup = ""] = await readdir(join(dataDir, "backups"));
  await store.restoreFile(join(dataDir, "backups", backup));
  await store.close();
  const again = await open(dataDir);
  assert.equal(again.store.list("secrets").entries.length, 500);
  await again.store.close();
});

test("a backup is restored in another data directory with its data key, and refused without", async (t) => {
  const [one, two] = [await temporary(t), await temporary(t)];
  const from = await open(one);
  await from.store.create(KEY, secret());
  const backup = await from.store.backup();
  await from.store.close();
  await copyFile(backup, join(two, "state.json"));
  await assert.rejects(open(two), /Cannot restore the state from .*state\.json: .*which .*data\.key does not hold/);
  await copyFile(join(one, "data.key"), join(two, "data.key"));
  const to = await open(two);
  assert.deepEqual(passwordOf(to.store), secret()["data"]);
  await to.store.close();
  assert.deepEqual(await found(two), []);
});

test("a passphrase locks the data key from the first start with it on", async (t) => {
  const dataDir = await temporary(t);
  const passphraseFile = join(await temporary(t), "passphrase");
  await writeFile(passphraseFile, "a long passphrase\n");
  await chmod(passphraseFile, 0o600);
  const plain = await open(dataDir);
  await plain.store.create(KEY, secret());
  const key = Object.values(
    (JSON.parse(await readFile(join(dataDir, "data.key"), "utf8")) as { keys: Record<string, { key: string }> }).keys,
  )[0]?.key;
  await plain.store.close();
  for (let start = 0; start < 2; start += 1) {
    const locked = await open(dataDir, { passphraseFile });
    assert.deepEqual(passwordOf(locked.store), secret()["data"]);
    await locked.store.close();
    assert.deepEqual(await found(dataDir, [key ?? "?"]), []);
  }
  await assert.rejects(open(dataDir), /data\.key is locked: give its passphrase with --unlock-passphrase-file/);
  await writeFile(passphraseFile, "another passphrase\n");
  await assert.rejects(open(dataDir, { passphraseFile }), /the passphrase is not its own/);
  await writeFile(passphraseFile, "short\n");
  await assert.rejects(open(dataDir, { passphraseFile }), /must have at least 8 characters/);
});
