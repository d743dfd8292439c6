import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type ProgramOutcome, tryProgram } from "./try-program.ts";
import { fail, type Finding, type HostProbe, ok, warn } from "./host-probe.ts";

const INSTALL = "apt-get install -y podman runc conmon netavark catatonit uidmap slirp4netns fuse-overlayfs nftables";

export const podmanVersion: HostProbe = {
  name: "podman",
  run: async (_, signal) => {
    const { code, stdout, stderr } = await tryProgram(["podman", "--version"], { signal });
    if (code === 127) return fail("Podman is not installed", INSTALL);
    const version = /(\d+)\.(\d+)(\.\d+)?/.exec(stdout);
    if (code !== 0 || !version) return fail(`podman --version failed: ${stderr.trim()}`, INSTALL);
    const [major, minor] = [Number(version[1]), Number(version[2])];
    if (major < 4 || (major === 4 && minor < 3))
      return fail(`Podman ${version[0]} is too old: 4.3 or later is needed`, INSTALL);
    return ok(version[0]);
  },
};

export const podmanSocket: HostProbe = {
  name: "podman socket",
  run: async ({ podmanSocket: path }) => {
    if (!existsSync(path)) return ok(`nothing listens at ${path}: the agent starts Podman's service itself`);
    const listening = await new Promise<boolean>((resolve) => {
      const socket = connect(path);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    return ok(listening ? path : `${path} is left from a service that ended: the agent starts a new one`);
  },
};

/** Runs a real container from a folder: the static init that Podman brings, so that no image is needed. */
export const containerRuntime: HostProbe = {
  name: "container runtime",
  run: async (_, signal) => {
    const init = ["/usr/libexec/podman/catatonit", "/usr/bin/catatonit"].find((path) => existsSync(path));
    if (!init) return fail("catatonit, which Podman uses for pods, is not installed", "apt-get install -y catatonit");
    const rootfs = mkdtempSync(join(tmpdir(), "podman-swarm-probe-"));
    try {
      copyFileSync(init, join(rootfs, "catatonit"));
      return await runsContainer(rootfs, signal);
    } finally {
      rmSync(rootfs, { recursive: true, force: true });
    }
  },
};

/** An agent that stops is given 10 s; these are to fit into it. */
const KILLED_RUN_ENDS_MS = 1_500;
const REMOVAL_MS = 5_000;

async function runsContainer(rootfs: string, signal: AbortSignal): Promise<Finding> {
  const name = basename(rootfs);
  let run: ProgramOutcome;
  try {
    run = await tryProgram(
      ["podman", "run", "--rm", "--name", name, "--network=none", "--rootfs", rootfs, "/catatonit", "--version"],
      // A run that still goes on could make its container after the removal.
      { timeoutMs: 30_000, signal, endsWithinMs: KILLED_RUN_ENDS_MS },
    );
  } catch (error) {
    const left = await removeContainer(name);
    // An abort is dropped by whoever asked for it, so a container that stays behind is a finding even then.
    if (left !== undefined) return fail(left, removal(name).join(" "));
    throw error;
  }
  if (run.code === 0) return ok("a container runs");
  const why = `a container does not run: ${lastLine(run.stderr)}`;
  const left = await removeContainer(name);
  return fail(left === undefined ? why : `${why}; ${left}`, runtimeFix(run.stderr));
}

/** For a run that did not end well, since `--rm` is then kept by nobody. Resolves with why it cannot, if so. */
async function removeContainer(name: string): Promise<string | undefined> {
  const { code, stderr } = await tryProgram(removal(name), {
    timeoutMs: REMOVAL_MS,
    endsWithinMs: KILLED_RUN_ENDS_MS,
    // Not the probe's own, which is what may have ended the run.
    signal: new AbortController().signal,
  });
  // Where Podman is not installed there is no container either.
  if (code === 0 || code === 127) return undefined;
  return `Cannot remove the probe's container ${name}: ${lastLine(stderr) || `exit code ${code}`}`;
}

function removal(name: string): [string, ...string[]] {
  return ["podman", "rm", "--force", "--ignore", "--time", "0", name];
}

function runtimeFix(message: string): string {
  const file = "/etc/containers/containers.conf.d/50-podman-swarm.conf";
  if (/cgroup|rlimit|setrlimit|RLIMIT/i.test(message)) {
    return `apt-get install -y runc; printf '[containers]\\ndefault_ulimits = ["nofile=16384:16384","nproc=16384:16384"]\\n[engine]\\nruntime = "runc"\\ncgroup_manager = "cgroupfs"\\n' > ${file}`;
  }
  if (/newuidmap|subuid|user namespace/i.test(message))
    return "mend what is said about user namespaces, then: podman system migrate";
  return "podman run --rm --log-level=debug --rootfs DIR COMMAND shows more";
}

export const networkBackend: HostProbe = {
  name: "podman network",
  run: async (_, signal) => {
    const { code, stdout, stderr } = await tryProgram(["podman", "info", "--format", "{{.Host.NetworkBackend}}"], {
      signal,
    });
    if (code !== 0) return fail(`podman info failed: ${lastLine(stderr)}`, INSTALL);
    const backend = stdout.trim();
    if (backend === "netavark") return ok(backend);
    return fail(
      `the network backend is ${backend}: netavark is needed`,
      'apt-get install -y netavark; set network_backend = "netavark" under [network] in containers.conf; podman system reset removes all containers, so save them first',
    );
  },
};

export const cgroups: HostProbe = {
  name: "cgroups",
  run: async ({ rootless }, signal) => {
    const { code, stdout, stderr } = await tryProgram(
      ["podman", "info", "--format", "{{.Host.CgroupsVersion}} {{.Host.CgroupManager}} {{.Host.OCIRuntime.Name}}"],
      { signal },
    );
    if (code !== 0) return fail(`podman info failed: ${lastLine(stderr)}`, INSTALL);
    const [version = "", manager = "", runtime = ""] = stdout.trim().split(" ");
    const detail = `${version}, ${manager}, ${runtime}`;
    if (version === "v1" && rootless)
      return warn(
        `${detail}: limits of rootless containers are ignored`,
        "boot with systemd.unified_cgroup_hierarchy=1 for cgroups v2",
      );
    return ok(detail);
  },
};

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
