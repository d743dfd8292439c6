import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { Lab } from "../../../test/lab/lab.ts";
import type { LabHost } from "../../../test/lab/lab-host.ts";
import { canStartLabs, labTest } from "../../../test/lab/lab-test.ts";
import type { NamedFinding } from "./all-probes.ts";

/** How many moments of a run are tried. */
const MOMENTS = 12;

type User = "root" | "unprivileged";

let lab: Lab;
let host: LabHost;

before(async () => {
  if (!canStartLabs) return;
  lab = await Lab.start();
  host = lab.host(1);
});
after(() => lab?.stop());

interface Probed {
  /** Absent where the probe only said that it was aborted. */
  readonly finding?: NamedFinding;
  readonly tookMs: number;
}

interface ProbeOptions {
  readonly abortAfterMs?: number;
  /** A folder that comes first on the PATH. */
  readonly programs?: string;
}

/** Runs the probe in the host, as `psctl doctor` does, with a folder for temporary files that must be empty afterwards. */
async function probe(user: User, { abortAfterMs = 60_000, programs }: ProbeOptions = {}): Promise<Probed> {
  const program = `
    const { HOST_PROBES, probeHost } = await import("${host.path(join(import.meta.dirname, "all-probes.ts"))}");
    const probes = HOST_PROBES.filter(({ name }) => name === "container runtime");
    const signal = AbortSignal.timeout(${abortAfterMs});
    const start = performance.now();
    let finding;
    try {
      for await (const found of probeHost({}, { signal, probes })) finding = found;
    } catch (error) {
      if (error !== signal.reason) throw error;
    }
    console.log(JSON.stringify({ finding, tookMs: performance.now() - start }));`;
  const temporary = join(user === "root" ? host.folder : host.home, "probe-tmp");
  mkdirSync(temporary, { recursive: true });
  chmodSync(temporary, 0o777);
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const env = { TMPDIR: temporary, PATH: programs === undefined ? path : `${programs}:${path}` };
  const command = [host.path(process.execPath), "--input-type=module", "-e", program] as const;
  const said = user === "root" ? await host.run(command, { env }) : await host.runAsUser(command, { env });
  assert.deepEqual(readdirSync(temporary), [], "no root file system is left");
  return JSON.parse(said) as Probed;
}

async function containers(user: User): Promise<string> {
  const list = ["podman", "ps", "--all", "--external", "--format", "{{.Names}} {{.Status}}"] as const;
  return user === "root" ? await host.run(list) : await host.runAsUser(list);
}

for (const user of ["root", "unprivileged"] as const) {
  labTest(`a probe of ${user} that is aborted leaves no container, whenever that is`, async () => {
    await probe(user); // The first one makes Podman's store.
    const whole = await probe(user);
    assert.equal(whole.finding?.result, "ok", whole.finding?.detail);
    for (let moment = 0; moment < MOMENTS; moment++) {
      const abortAfterMs = Math.round((whole.tookMs * moment) / MOMENTS);
      await probe(user, { abortAfterMs });
      assert.equal(await containers(user), "", `after ${abortAfterMs} ms of ${whole.tookMs}`);
    }
  });
}

/** Puts a program of this name before Podman that tells which commands it was given; `script` may end before Podman. */
function podmanWith(script: string): { readonly programs: string; readonly commands: () => string[] } {
  const programs = join(host.folder, "programs");
  const log = join(programs, "commands");
  rmSync(programs, { recursive: true, force: true });
  mkdirSync(programs);
  writeFileSync(
    join(programs, "podman"),
    `#!/bin/sh\necho "$1" >>${log}\n${script}\nexec env PATH=/usr/bin:/bin podman "$@"\n`,
    { mode: 0o755 },
  );
  return { programs, commands: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []) };
}

labTest("a container that ran is removed by that run, and Podman is not called again", async () => {
  const { programs, commands } = podmanWith("");
  const { finding } = await probe("root", { programs });
  assert.equal(finding?.result, "ok", finding?.detail);
  assert.deepEqual(commands(), ["run"]);
  assert.equal(await containers("root"), "");
});

labTest("a container that did not run is removed, and why it did not run is told", async () => {
  const { programs, commands } = podmanWith(
    `[ "$1" != run ] || { shift; podman=/usr/bin/podman; $podman create "$@" >/dev/null; echo "no way" >&2; exit 126; }`,
  );
  const { finding } = await probe("root", { programs });
  assert.equal(finding?.detail, "a container does not run: no way");
  assert.deepEqual(commands(), ["run", "rm"]);
  assert.equal(await containers("root"), "");
});

labTest("a container that cannot be removed is told, also when the probe is aborted", async () => {
  const refuses = `[ "$1" != rm ] || { echo "Error: not this one" >&2; exit 125; }`;
  const failed = await probe("root", podmanWith(`${refuses}\necho "Error: no way" >&2; exit 125`));
  const name = "podman-swarm-probe-\\w{6}";
  const why = `Cannot remove the probe's container ${name}: Error: not this one`;
  assert.match(failed.finding?.detail ?? "", new RegExp(`^a container does not run: Error: no way; ${why}$`));
  const { programs } = podmanWith(`${refuses}\nexec sleep 60`);
  const { finding } = await probe("root", { programs, abortAfterMs: 3000 });
  assert.equal(finding?.result, "fail");
  assert.match(finding.detail, new RegExp(`^${why}$`));
  assert.match(finding.fix ?? "", new RegExp(`^podman rm --force --ignore --time 0 ${name}$`));
});

labTest("a removal that does not end is given up, and told", async () => {
  const { programs } = podmanWith("trap '' TERM\nwhile sleep 0.2; do :; done");
  const abortAfterMs = 3000;
  const { finding, tookMs } = await probe("root", { programs, abortAfterMs });
  assert.match(finding?.detail ?? "", /^Cannot remove the probe's container \S+: podman did not end within 5000 ms$/);
  const endedMs = tookMs - abortAfterMs;
  assert.ok(endedMs < 10_000, `an agent that stops has 10 s: ${endedMs}`);
});
