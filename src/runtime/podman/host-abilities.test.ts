import assert from "node:assert/strict";
import { test } from "node:test";
import { hostAbilities } from "./host-abilities.ts";

const CGROUP = "/sys/fs/cgroup";
const v1 = (...controllers: string[]) => ({
  "/proc/self/mounts": [
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0",
    ...controllers.map((name) => `cgroup ${CGROUP}/${name} cgroup rw,relatime,${name} 0 0`),
  ].join("\n"),
});
const v2 = (controllers: string, more: Record<string, string> = {}) => ({
  [`${CGROUP}/cgroup.controllers`]: `${controllers}\n`,
  ...more,
});
const delegated = `${CGROUP}/user.slice/user-1000.slice/user@1000.service/cgroup.controllers`;

const cases: readonly { name: string; uid?: number; files: Record<string, string>; cpu?: RegExp; memory?: RegExp }[] = [
  { name: "root on cgroups v1", files: v1("cpu", "cpuacct", "memory") },
  { name: "root on cgroups v1 with controllers together", files: v1("cpu,cpuacct", "memory") },
  { name: "root on cgroups v1 without memory", files: v1("cpu"), memory: /no cgroup controller "memory"/ },
  { name: "root on cgroups v1 without cpu", files: v1("memory", "cpuset", "cpuacct"), cpu: /no .* "cpu"/ },
  { name: "root on cgroups v2", files: v2("cpuset cpu io memory pids") },
  { name: "root on cgroups v2 without memory", files: v2("cpuset cpu io"), memory: /"memory"/ },
  { name: "a user on cgroups v1", uid: 1000, files: v1("cpu", "memory"), cpu: /cgroups v1/, memory: /cgroups v1/ },
  { name: "a user to whom all is delegated", uid: 1000, files: v2("cpu memory", { [delegated]: "cpu memory pids\n" }) },
  {
    name: "a user to whom the cpu is not delegated",
    uid: 1000,
    files: v2("cpu memory", { [delegated]: "memory pids\n" }),
    cpu: /"cpu" is not delegated to user 1000/,
  },
  {
    name: "a user without systemd",
    uid: 1000,
    files: v2("cpu memory", { "/proc/self/cgroup": "0::/a/b\n", [`${CGROUP}/a/b/cgroup.controllers`]: "cpu\n" }),
    memory: /"memory" is not delegated/,
  },
];

test("scores for the out-of-memory killer are lowered only with the right to do so", () => {
  const status = (mask: string) => ({ ...v1("cpu", "memory"), "/proc/self/status": `Name:\tx\nCapEff:\t${mask}\n` });
  const least = (uid: number | undefined, files: Record<string, string>) =>
    hostAbilities({ uid, read: (path) => files[path] }).leastOomScore;
  assert.equal(least(undefined, status("0000000001000000")), -1000);
  assert.equal(least(undefined, status("00000000feffffff")), 0);
  assert.equal(least(undefined, { ...status("0"), "/proc/self/oom_score_adj": "200\n" }), 200);
  assert.equal(least(1000, status("ffffffffffffffff")), 0);
});

for (const { name, uid, files, cpu, memory } of cases) {
  test(`what is enforced for ${name}`, () => {
    const found = hostAbilities({ uid, read: (path) => files[path] });
    for (const [said, expected] of [
      [found.cpu, cpu],
      [found.memory, memory],
    ] as const) {
      if (expected) assert.match(said ?? "", expected);
      else assert.equal(said, undefined);
    }
    assert.equal(found.ownership, uid === undefined);
  });
}
