import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { tryProgram } from "./try-program.ts";
import { fail, type HostProbe, ok } from "./host-probe.ts";

/** What a user without root needs to have namespaces of their own. */
export const userNamespaces: HostProbe = {
  name: "user namespaces",
  run: async ({ rootless }, signal) => {
    if (!rootless) return ok("not needed as root");
    const { username, uid } = userInfo();
    const clone = "/proc/sys/kernel/unprivileged_userns_clone";
    if (existsSync(clone) && readFileSync(clone, "utf8").trim() === "0")
      return fail("the kernel forbids user namespaces", "sysctl -w kernel.unprivileged_userns_clone=1");
    for (const file of ["/etc/subuid", "/etc/subgid"]) {
      const listed =
        existsSync(file) &&
        readFileSync(file, "utf8")
          .split("\n")
          .some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
      if (!listed)
        return fail(
          `${username} has no range in ${file}`,
          `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
        );
    }
    if ((await tryProgram(["newuidmap"], { signal })).code === 127)
      return fail("newuidmap is not installed", "apt-get install -y uidmap");
    if (!process.env["XDG_RUNTIME_DIR"])
      return fail(
        "XDG_RUNTIME_DIR is not set",
        `loginctl enable-linger ${username}; export XDG_RUNTIME_DIR=/run/user/${uid}`,
      );
    return ok(`ranges for ${username}`);
  },
};

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
    if (code === 127 || /not found|No such file/.test(stderr))
      return fail("nft is not installed", "apt-get install -y nftables");
    return fail(
      `nft refuses the service table: ${stderr.trim().split("\n")[0]}`,
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
      ...(rootless
        ? ([
            ["nsenter", "util-linux"],
            ["slirp4netns", "slirp4netns"],
          ] as const)
        : []),
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
