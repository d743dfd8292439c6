import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.ts";

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
  [field: string]: unknown;
}

export interface Lock {
  packages: Record<string, LockedPackage>;
}

/** As npm's `os` and `cpu` fields and its package names call them. */
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** The optional packages that the lock's packages name and that the lock itself does not hold. */
export function missingOptional(lock: Lock): Map<string, string> {
  const missing = new Map<string, string>();
  for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (lock.packages[`node_modules/${name}`] === undefined) missing.set(name, version);
    }
  }
  return missing;
}

/**
 * Adds what other platforms would need. A registry that mirrors only some platforms makes npm leave the others out of
 * the lock, and then `npm ci` refuses it ("Missing: ... from lock file") on npm 11 and wherever the registry is whole.
 * They are never fetched here, because system and processor do not fit, so no digest is needed.
 */
export function completeLock(lock: Lock): Lock {
  const added = [...missingOptional(lock)].map(([name, version]) => [`node_modules/${name}`, platform(name, version)]);
  const packages = { ...lock.packages, ...(Object.fromEntries(added) as Lock["packages"]) };
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

function platform(name: string, version: string): LockedPackage {
  if (!/^\d/u.test(version)) throw new Error(`Cannot complete the lock: ${name} has no exact version, but ${version}`);
  const words = (name.split("/").at(-1) ?? "").replace("binding-", "").split("-");
  const os = SYSTEMS.find((one) => words.includes(one));
  const cpu = PROCESSORS.find((one) => words.includes(one));
  if (os === undefined || cpu === undefined) throw new Error(`Cannot complete the lock: no platform in ${name}`);
  const libc = words.some((one) => one.startsWith("musl")) ? { libc: ["musl"] } : {};
  return { version, cpu: [cpu], dev: true, ...libc, optional: true, os: [os] };
}

if (import.meta.main) {
  const file = join(root, "package-lock.json");
  const lock = completeLock(JSON.parse(readFileSync(file, "utf8")) as Lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
