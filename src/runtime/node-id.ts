import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { DamagedFile } from "../lib/damaged-file.ts";
import type { Random } from "../lib/random.ts";

const FILE = "node-id";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Which containers on this host are ours: an id made at the first start and kept in the data directory. It is not
 * derived from cluster and node name, because a node that lost its data directory and comes back under its old name
 * knows nothing about what still runs, and must not take it for its own. Durable before it is used.
 */
export async function openNodeId(dataDirectory: string, random: Random): Promise<string> {
  const path = join(dataDirectory, FILE);
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  if (known === undefined) return await makeNodeId(dataDirectory, random.uuid());
  const id = known.trim();
  if (UUID.test(id)) return id;
  throw new DamagedFile(
    `Cannot read ${path}: it does not hold a UUID. Put it back from a copy; or remove it, and the pods that run now are left alone`,
  );
}

async function makeNodeId(dataDirectory: string, id: string): Promise<string> {
  const path = join(dataDirectory, FILE);
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(`${id}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(dataDirectory, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return id;
}
