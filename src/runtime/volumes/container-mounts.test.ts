import assert from "node:assert/strict";
import { test } from "node:test";
import { containerMounts } from "./container-mounts.ts";
import { SubPathError } from "./sub-path.ts";

const volumes = new Map([
  ["ours", { directory: "/memory/ours", readOnly: true }],
  ["theirs", { directory: "/disk/theirs", readOnly: false }],
]);

test("files of ours are mounted read-only, also where the mount asks otherwise", async () => {
  const volumeMounts = [
    { name: "ours", mountPath: "/a", readOnly: false },
    { name: "theirs", mountPath: "/b" },
    { name: "theirs", mountPath: "/c", readOnly: true },
    { name: "ours", mountPath: "/d", subPathExpr: "$(X)" },
  ];
  const mounts = await containerMounts(
    { name: "main", volumeMounts },
    {
      volumes,
      env: { X: "key" },
      subPath: async ({ directory }, { subPath, name }) => `${directory} ${subPath} ${name}`,
    },
  );
  assert.deepEqual(mounts, [
    { source: "/memory/ours", destination: "/a", readOnly: true },
    { source: "/disk/theirs", destination: "/b", readOnly: false },
    { source: "/disk/theirs", destination: "/c", readOnly: true },
    { source: "/memory/ours key main.3", destination: "/d", readOnly: true },
  ]);
});

test("a subPath that leads away is the container's fault", async () => {
  const context = { volumes, env: {}, subPath: async () => Promise.reject(new SubPathError("it leads away")) };
  const container = { name: "main", volumeMounts: [{ name: "theirs", mountPath: "/b", subPath: "x" }] };
  await assert.rejects(containerMounts(container, context), {
    reason: "CreateContainerConfigError",
    message: "it leads away",
  });
});
