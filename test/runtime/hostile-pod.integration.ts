import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PodRuntime } from "../../src/runtime/pod-runtime.ts";
import { eventually } from "../poll.ts";
import { IMAGE, PodmanNode } from "./support/podman-node.ts";

let node: PodmanNode;
let runtime: PodRuntime;
/** A directory of the host that no pod is given. */
const outside = mkdtempSync(join(tmpdir(), "podman-swarm-outside-"));

before(async () => {
  node = await PodmanNode.start(5);
  runtime = node.startAgent();
});
after(async () => {
  await node?.stop();
  rmSync(outside, { recursive: true });
});

test("a container that lays links into its volumes reaches nothing of the host", async () => {
  await node.objects.create("ConfigMap", { metadata: { name: "files", namespace: "default" }, data: { a: "one" } });
  mkdirSync(join(outside, "precious"));
  const lay = `ln -s ${outside} /shared/out; ln -s ${outside}/absent /shared/dangling; ln -s ok /shared/inside; mkdir /shared/ok`;
  const harm = `rm -rf /config/..data; ln -sfn ../../../../../..${outside}/precious /config/..data; echo x > /config/a`;
  const image = { image: IMAGE };
  const sub = (name: string, subPath: string) => ({
    ...image,
    name,
    command: ["sh", "-c", "touch /mnt/written; sleep 3600"],
    volumeMounts: [{ name: "shared", mountPath: "/mnt", subPath }],
  });
  const pod = await node.apply({
    terminationGracePeriodSeconds: 0,
    volumes: [
      { name: "shared", emptyDir: {} },
      { name: "config", configMap: { name: "files" } },
    ],
    initContainers: [
      {
        ...image,
        name: "hostile",
        command: ["sh", "-c", `${lay}; ${harm}; exit 0`],
        volumeMounts: [
          { name: "shared", mountPath: "/shared" },
          { name: "config", mountPath: "/config" },
        ],
      },
    ],
    containers: [sub("inside", "inside/deep"), sub("out", "out/made"), sub("dangling", "dangling")],
  });
  const seen = await node.until(pod, ({ status }) => {
    const all = status?.containerStatuses ?? [];
    const refused = all.filter(({ state }) => state?.waiting?.reason === "CreateContainerConfigError");
    return refused.length === 2 && all.some(({ name, state }) => name === "inside" && state?.running !== undefined);
  });
  const why = seen.status?.containerStatuses?.map(({ state }) => state?.waiting?.message ?? "");
  assert.match(why?.join(" ") ?? "", /subPath out\/made leads out of the volume/);
  const stored = node.objects.get("ConfigMap", { namespace: "default", name: "files" });
  await node.objects.update("ConfigMap", { ...stored, data: { a: "two" } });
  await node.objects.delete("Pod", { namespace: "default", name: pod.metadata?.name ?? "" });
  await node.gone(pod);
  await eventually(() => runtime.size === 0, { what: "an end of the pod's worker" });
  assert.equal(existsSync(join(outside, "precious")), true);
  for (const name of ["made", "absent", "written"]) assert.equal(existsSync(join(outside, name)), false, name);
});
