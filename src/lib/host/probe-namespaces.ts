import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { tryProgram } from "./try-program.ts";
import { fail, type HostProbe, ok } from "./host-probe.ts";

/** What a user without root needs to have namespaces of their own. */
export const userNamespaces: HostProbe = {
  name: "user namespaces",
  run: async ({ rootless }, signal) => {
    if (!rootless) return ok("not needed as root");
    const { username, uid } = userInfo();
    for (const [setting, fix] of [
      ["kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone=1"],
      ["user/max_user_namespaces", "user.max_user_namespaces=15000"],
    ] as const) {
      if (fileText(`/proc/sys/${setting}`) === "0")
        return fail("the kernel forbids user namespaces", `as root: sysctl -w ${fix}`);
    }
    for (const file of ["/etc/subuid", "/etc/subgid"]) {
      const lines = fileText(file).split("\n");
      if (lines.some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`))) continue;
      const range = freeIdRange([
        ...lines,
        ...fileText("/etc/subuid").split("\n"),
        ...fileText("/etc/subgid").split("\n"),
      ]);
      return fail(
        `${username} has no range in ${file}`,
        `as root: usermod --add-subuids ${range} --add-subgids ${range} ${username}; then: podman system migrate`,
      );
    }
    if ((await tryProgram(["newuidmap"], { signal })).code === 127)
      return fail("newuidmap is not installed", "as root: apt-get install -y uidmap");
    return ok(`ranges for ${username}`);
  },
};

/** A range of 65536 ids after all that are given out, as usermod takes it. Each line is `name:first:count`. */
export function freeIdRange(lines: readonly string[]): string {
  const ends = lines.map((line) => line.split(":")).map(([, first, count]) => Number(first) + Number(count));
  const first = Math.max(100_000, ...ends.filter((end) => Number.isSafeInteger(end)));
  return `${first}-${first + 65_535}`;
}

/** Where a user's sockets and what must not reach the disk are kept, while the user has a session or lingers. */
export const runtimeDirectory: HostProbe = {
  name: "runtime directory",
  run: async ({ rootless }) => {
    if (!rootless) return ok("not needed as root");
    const { username, uid } = userInfo();
    const directory = process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${uid}`;
    const linger = `as root: loginctl enable-linger ${username}; then: export XDG_RUNTIME_DIR=/run/user/${uid}`;
    const found = statSync(directory, { throwIfNoEntry: false });
    if (found === undefined) return fail(`there is no ${directory}`, linger);
    if (found.uid !== uid) return fail(`${directory} belongs to another user`, linger);
    return ok(directory);
  },
};

/** What carries packets between a user's containers and the world. */
export const userNetwork: HostProbe = {
  name: "user network",
  run: async ({ rootless }, signal) => {
    if (!rootless) return ok("not needed as root");
    // Podman that does not know the question is of a version that has slirp4netns only.
    const asked = await tryProgram(["podman", "info", "--format", "{{.Host.RootlessNetworkCmd}}"], { signal });
    const program = asked.code === 0 && asked.stdout.trim() !== "" ? asked.stdout.trim() : "slirp4netns";
    if ((await tryProgram([program, "--version"], { signal })).code === 127) {
      return fail(
        `${program} is not installed`,
        `as root: apt-get install -y ${program === "pasta" ? "passt" : program}`,
      );
    }
    const device = "/dev/net/tun";
    if (!existsSync(device)) return fail(`there is no ${device}`, "as root: modprobe tun");
    try {
      accessSync(device, constants.R_OK | constants.W_OK);
    } catch {
      return fail(`${device} is closed to users`, `as root: chmod 0666 ${device}`);
    }
    return ok(program);
  },
};

/** Without the line's end; empty where there is no such file. */
function fileText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

/** Whether a service table could be loaded: checked by nft without changing anything. */
export const nftables: HostProbe = {
  name: "nftables",
  run: async ({ rootless }, signal) => {
    const script = [
      "table ip podman_swarm_probe {",
      "  map m { type ipv4_addr . inet_proto . inet_service : verdict; }",
      "  chain c { type nat hook prerouting priority dstnat; }",
      "}",
      "",
    ].join("\n");
    const inside: readonly [string, ...string[]] = rootless
      ? ["podman", "unshare", "--rootless-netns", "nft", "-c", "-f", "-"]
      : ["nft", "-c", "-f", "-"];
    const { code, stderr } = await tryProgram(inside, { input: script, signal, timeoutMs: 30_000 });
    if (code === 0) return ok("verdict maps and NAT work");
    const said = stderr.trim().split("\n")[0] ?? "";
    // Podman gives 127 too, for whatever keeps it from starting the program.
    if (/executable file not found/.test(said) || (code === 127 && !rootless))
      return fail("nft is not installed", "as root: apt-get install -y nftables");
    if (rootless && said.startsWith("Error: "))
      return fail(
        `Podman does not enter the network of users' containers: ${said.slice("Error: ".length)}`,
        // What Podman left of a namespace that it could not finish keeps it from making another one.
        "mend what is said above, stop all containers, then: podman unshare sh -c 'umount -l $XDG_RUNTIME_DIR/netns/rootless-netns-*; rm -f $XDG_RUNTIME_DIR/netns/rootless-netns-*'",
      );
    return fail(
      `nft refuses the service table: ${said}`,
      "modprobe nf_tables nft_nat nft_chain_nat; a kernel with nftables NAT is needed",
    );
  },
};

export const hostTools: HostProbe = {
  name: "host tools",
  run: async ({ rootless }, signal) => {
    const wanted: readonly (readonly [string, string])[] = [
      ["ip", "iproute2"],
      ["nft", "nftables"],
      ["conntrack", "conntrack"],
      ["setpriv", "util-linux"],
      ...(rootless ? ([["nsenter", "util-linux"]] as const) : []),
    ];
    const results = await Promise.all(
      wanted.map(async ([tool, from]) => [from, (await tryProgram([tool, "--version"], { signal })).code] as const),
    );
    const missing = [...new Set(results.filter(([, code]) => code === 127).map(([from]) => from))];
    return missing.length === 0
      ? ok(wanted.map(([tool]) => tool).join(", "))
      : fail(`not installed: ${missing.join(", ")}`, `apt-get install -y ${missing.join(" ")}`);
  },
};
