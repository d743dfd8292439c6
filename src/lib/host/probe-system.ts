import { Resolver } from "node:dns/promises";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../clock.ts";
import { tryProgram } from "./try-program.ts";
import { fail, type HostProbe, ok, warn } from "./host-probe.ts";

/** Stamps order writes between nodes, so a clock that runs away hurts: 5 minutes ahead is refused by the others. */
export const clock: HostProbe = {
  name: "clock",
  run: async (_, signal) => {
    const year = new Date(systemClock.now()).getUTCFullYear();
    if (year < 2026) return fail(`the clock says ${year}`, "timedatectl set-ntp true, or apt-get install -y chrony");
    const { code, stdout } = await tryProgram(["timedatectl", "show", "--property=NTPSynchronized", "--value"], {
      signal,
    });
    if (code === 0 && stdout.trim() === "yes") return ok("synchronised");
    if (existsSync("/run/chrony") || existsSync("/run/systemd/timesync/synchronized")) return ok("a time service runs");
    return warn("no time service was found: nodes must agree within 5 minutes", "apt-get install -y chrony");
  },
};

export const resolvers: HostProbe = {
  name: "resolvers",
  run: async ({ resolvers: servers }) => {
    if (servers.length === 0)
      return warn(
        "no upstream resolver is known: pods resolve the cluster's names only",
        "--upstream-dns=IP:53, or a nameserver line in /etc/resolv.conf",
      );
    const resolver = new Resolver({ timeout: 1500, tries: 1 });
    resolver.setServers([...servers]);
    try {
      await resolver.resolve4("localhost.localdomain");
    } catch (error) {
      // Any answer will do, also "no such name": the question is whether somebody answers.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTFOUND" && code !== "ENODATA" && code !== "EREFUSED" && code !== "ESERVFAIL") {
        return warn(
          `${servers.join(", ")} ${code === "ETIMEOUT" ? "do not answer" : `failed: ${code}`}: pods resolve the cluster's names only`,
          "--upstream-dns=IP:53",
        );
      }
    }
    return ok(servers.join(", "));
  },
};

export const forwarding: HostProbe = {
  name: "forwarding",
  run: async ({ rootless }) => {
    if (rootless) return ok("not needed as a user");
    const enabled = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim() === "1";
    return enabled ? ok("on") : ok("off: the agent turns it on");
  },
};

const NEEDED_BYTES = 1024 ** 3;

export const disk: HostProbe = {
  name: "disk",
  run: async ({ dataDir }) => {
    let folder = dataDir;
    while (!existsSync(folder)) folder = dirname(folder);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const shown = `${(free / 1024 ** 3).toFixed(1)} GiB free for ${dataDir}`;
    return free >= NEEDED_BYTES
      ? ok(shown)
      : fail(`only ${shown}`, "free some space, or choose another place with --data-dir");
  },
};
