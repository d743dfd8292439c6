import assert from "node:assert/strict";
import { copyFile, mkdtemp, open as openFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import type { DurableStore } from "../durable-store.ts";
import { openStore } from "../open-store.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "../disk/sqlite-schema.ts";
import { pod, podKey } from "../store.contract.ts";
import { fullDiskChild } from "./full-disk-child.ts";
import { spawnModule } from "./spawn-module.ts";

const root = await mkdtemp(join(tmpdir(), "store-disk-"));
after(() => rm(root, { recursive: true }));
const newDirectory = (): Promise<string> => mkdtemp(join(root, "data-"));

const open = (dataDir: string): Promise<DurableStore> =>
  openStore({ dataDir, nodeName: "one", clock: systemClock, random: systemRandom, logger: silentLogger });

test("on a full disk writes fail, reads and events go on, and with room again everything works", async () => {
  const directory = await newDirectory();
  // A file system of its own in a mount namespace of its own; a user namespace gives the right to it without root.
  const mount = 'mount -t tmpfs -o size=2m,mode=0700 store-test "$0" && exec "$@"';
  const wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, directory];
  const child = spawnModule(fullDiskChild, [directory], wrapper);
  assert.deepEqual(JSON.parse(await text(child.stdout)), {
    before: "ok",
    full: ["ServiceUnavailable", "ServiceUnavailable"],
    event: "e",
    readable: ["before"],
    backup: "ENOSPC",
    room: ["ok", "ok"],
    kept: ["after", "before", "full-1", "e"],
  });
});

async function filled(dataDir: string): Promise<string> {
  const store = await open(dataDir);
  for (let index = 0; index < 50; index += 1)
    await store.create(podKey(`p${index}`), pod(`p${index}`, { spec: { text: "x".repeat(500) } }));
  const backup = await store.backup();
  await store.close();
  return backup;
}

async function overwrite(file: string, { position, bytes }: { position: number; bytes: Buffer }): Promise<void> {
  await using handle = await openFile(file, "r+");
  await handle.write(bytes, 0, bytes.length, position);
}

const damages: readonly { name: string; damage(file: string): Promise<void> }[] = [
  {
    name: "a file that is no database",
    damage: (file) => overwrite(file, { position: 0, bytes: Buffer.from("not a database") }),
  },
  { name: "a page of rubbish", damage: (file) => overwrite(file, { position: 8192, bytes: Buffer.alloc(4096, 0xa5) }) },
  {
    name: "a row that is no JSON",
    damage: async (file) => {
      const db = new DatabaseSync(file);
      db.exec("UPDATE registers SET content = '{' WHERE name = 'p7'");
      db.close();
    },
  },
];

for (const { name, damage } of damages) {
  test(`a damaged database (${name}) is refused, left as it is, and replaced by a backup as the refusal says`, async () => {
    const dataDir = await newDirectory();
    const backup = await filled(dataDir);
    const file = join(dataDir, "state.db");
    await damage(file);
    const before = await readFile(file);
    await assert.rejects(open(dataDir), (error: Error) => {
      assert.match(
        error.message,
        /^Cannot open the state database .*state\.db: it is damaged \(.+\)\. Nothing was changed\./,
      );
      assert.match(error.message, /move .*state\.db.* away, copy the newest file of .*backups to .*state\.json/);
      return true;
    });
    assert.deepEqual(await readFile(file), before);
    for (const ending of ["", "-wal", "-shm"]) await rm(`${file}${ending}`, { force: true });
    await copyFile(backup, join(dataDir, "state.json"));
    const store = await open(dataDir);
    assert.equal(store.list("pods").entries.length, 50);
    await store.close();
    assert.ok((await readdir(dataDir)).some((entry) => /^state\.json\.imported-\d{8}-\d{6}$/.test(entry)));
  });
}

test("a database of each older schema version is migrated, and its copy is kept", async () => {
  for (let version = 1; version < SCHEMA_VERSION; version += 1) {
    const dataDir = await newDirectory();
    const file = join(dataDir, "state.db");
    const older = new DatabaseSync(file);
    migrate(older, version);
    older.exec(`INSERT INTO meta VALUES ('incarnation', '77'), ('arrival', '6400'), ('stamp', '0000000000640000'), ('horizon', '0');
      INSERT INTO registers (resource, namespace, name, register, uid, created, stamp, arrival, content)
        VALUES ('pods', 'default', 'a', 'main', 'u', '0000000000640000', '0000000000640000', 6400,
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","uid":"u"}}')`);
    older.close();
    const store = await open(dataDir);
    assert.equal(store.get(podKey("a"))?.resourceVersion, String(6400n * 65536n + 77n));
    await store.update(podKey("a"), pod("a"), { register: "main" });
    await store.close();
    const [now, copy] = [file, `${file}.v${version}`].map((name) => {
      const db = new DatabaseSync(name, { readOnly: true });
      const found = schemaVersion(db);
      db.close();
      return found;
    });
    assert.deepEqual([now, copy], [SCHEMA_VERSION, version]);
  }
});

test("a database of a newer program is refused and not changed", async () => {
  const dataDir = await newDirectory();
  await filled(dataDir);
  const db = new DatabaseSync(join(dataDir, "state.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  await assert.rejects(open(dataDir), /schema version 99 and this program knows \d+: use the newer program/);
});

test("a state.json that cannot be imported is refused and stays", async () => {
  const dataDir = await newDirectory();
  await writeFile(join(dataDir, "state.json"), '{"pods": {"default/a": {"metadata": {}}}}');
  await assert.rejects(
    open(dataDir),
    /Cannot restore the state from .*state\.json: pods default\/a is not an object with/,
  );
  assert.ok((await readdir(dataDir)).includes("state.json"));
  await rm(join(dataDir, "state.json"));
  await (await open(dataDir)).close();
});
