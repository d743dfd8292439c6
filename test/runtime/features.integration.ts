import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Container, Pod, PodSpec } from "../../src/api/kinds.ts";
import type { PodRuntime } from "../../src/runtime/pod-runtime.ts";
import { eventually } from "../poll.ts";
import { IMAGE, isReady, PodmanNode } from "./support/podman-node.ts";

let node: PodmanNode;
let runtime: PodRuntime;

before(async () => {
  node = await PodmanNode.start(3);
  runtime = node.startAgent();
});
after(() => node?.stop());

interface LogOptions {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly seen?: (text: string) => void;
}

function shell(script: string, more: Partial<Container> = {}): Container {
  return { name: "web", image: IMAGE, command: ["sh", "-c", script], ...more };
}

/** What a container has printed; `seen` is told while it comes. */
async function log(pod: Pod, container = "web", { seen, ...options }: LogOptions = {}): Promise<string> {
  let text = "";
  const pieces = await runtime.logs.open(pod, { container, ...options }, new AbortController().signal);
  for await (const piece of pieces) {
    text += Buffer.from(piece).toString();
    seen?.(text);
  }
  return text;
}

/** Runs a pod to its end and gives what it printed. */
async function output(spec: Partial<PodSpec>): Promise<string> {
  const pod = await node.apply({ restartPolicy: "Never", ...spec });
  const ended = await node.until(pod, (now) => now.status?.phase === "Succeeded" || now.status?.phase === "Failed");
  const text = await log(ended);
  assert.equal(ended.status?.phase, "Succeeded", text);
  await remove(pod);
  return text;
}

async function remove(pod: Pod): Promise<void> {
  await node.objects.delete("Pod", { namespace: "default", name: pod.metadata?.name ?? "" });
  await node.gone(pod);
}

test("the environment comes from values, fields, resources, ConfigMaps, Secrets and services", async () => {
  await node.objects.create("ConfigMap", {
    metadata: { name: "settings", namespace: "default" },
    data: { color: "blue" },
  });
  const data = { password: Buffer.from("s3cret").toString("base64") };
  await node.objects.create("Secret", { metadata: { name: "login", namespace: "default" }, data });
  await node.objects.create("Service", {
    metadata: { name: "my-db", namespace: "default" },
    spec: { clusterIP: "10.43.0.7", ports: [{ port: 5432, name: "sql" }] },
  });
  const text = await output({
    containers: [
      shell('env; echo "args $0 $1"', {
        args: ["$(COLOR)", "$$(COLOR)-$(NONE)"],
        env: [
          { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
          { name: "TWICE", value: "$(COLOR)$(COLOR)" },
          { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "login", key: "password" } } },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
          { name: "NOT_THERE", valueFrom: { configMapKeyRef: { name: "no", key: "no", optional: true } } },
        ],
        envFrom: [{ prefix: "ALL_", configMapRef: { name: "settings" } }],
        resources: { limits: { cpu: "250m" } },
      }),
    ],
  });
  for (const line of ["COLOR=blue", "TWICE=blueblue", "PASSWORD=s3cret", "LABEL=test", "CPU=250", "ALL_color=blue"]) {
    assert.match(text, new RegExp(`^${line}$`, "m"));
  }
  assert.match(text, /^IP=10\.61\.3\.\d+$/m);
  assert.match(text, /^MY_DB_SERVICE_HOST=10\.43\.0\.7$/m);
  assert.match(text, /^MY_DB_PORT_5432_TCP=tcp:\/\/10\.43\.0\.7:5432$/m);
  assert.match(text, /^args blue \$\(COLOR\)-\$\(NONE\)$/m);
  assert.doesNotMatch(text, /NOT_THERE/);
});

test("a missing ConfigMap holds the container back until it is there", async () => {
  const pod = await node.apply({ containers: [shell("sleep 60", { envFrom: [{ configMapRef: { name: "later" } }] })] });
  const waiting = await node.until(
    pod,
    (now) => now.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
  );
  assert.equal(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message, 'configmap "later" not found');
  await node.objects.create("ConfigMap", { metadata: { name: "later", namespace: "default" }, data: {} });
  await node.until(pod, isReady);
  await remove(pod);
});

test("volumes of every kind hold what they should, and ConfigMap changes arrive in a running pod", async () => {
  const config = { metadata: { name: "files", namespace: "default" }, data: { a: "one", b: "two" } };
  const stored = await node.objects.create("ConfigMap", config);
  await node.objects.create("Secret", {
    metadata: { name: "keys", namespace: "default" },
    data: { key: Buffer.from("k").toString("base64") },
  });
  const volumeMounts = [
    { name: "config", mountPath: "/config" },
    { name: "secret", mountPath: "/secret", readOnly: true },
    { name: "info", mountPath: "/info" },
    { name: "all", mountPath: "/all" },
    { name: "scratch", mountPath: "/scratch" },
    { name: "memory", mountPath: "/memory" },
    { name: "config", mountPath: "/one-file", subPath: "renamed" },
    { name: "scratch", mountPath: "/mine", subPathExpr: "dir-$(WHO)" },
  ];
  const script =
    "cat /config/renamed /secret/key /info/labels /all/a /all/key /one-file; stat -Lc %a /secret/key; " +
    "touch /scratch/x /mine/y && ls /scratch; df /memory | tail -1; touch /secret/no 2>/dev/null || echo read-only; " +
    "until grep -q new /config/renamed; do sleep 0.1; done; echo; echo changed";
  const pod = await node.apply({
    restartPolicy: "Never",
    containers: [shell(script, { volumeMounts, env: [{ name: "WHO", value: "me" }] })],
    volumes: [
      { name: "config", configMap: { name: "files", items: [{ key: "a", path: "renamed" }] } },
      { name: "secret", secret: { secretName: "keys", defaultMode: 0o400 } },
      { name: "info", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
      { name: "all", projected: { sources: [{ configMap: { name: "files" } }, { secret: { name: "keys" } }] } },
      { name: "scratch", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ],
  });
  const running = await node.until(pod, (now) => now.status?.phase === "Running");
  await eventually(async () => (await log(running)).includes("read-only"), { what: "that the pod reads its volumes" });
  await node.objects.update("ConfigMap", { ...stored, data: { a: "new", b: "two" } });
  const ended = await node.until(pod, (now) => now.status?.phase === "Succeeded");
  const text = await log(ended);
  assert.match(text, /^onekapp="test"onekone400$/m);
  assert.match(text, /dir-me/);
  assert.match(text, /tmpfs +1024/);
  assert.match(text, /read-only[^]*changed/);
  await remove(pod);
});

test("a volume that cannot be mounted yet keeps the pod pending, and says why", async () => {
  const pod = await node.apply({
    containers: [shell("sleep 60")],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "disk" } }],
  });
  const pending = await node.until(pod, (now) => now.status?.reason === "Unsupported");
  assert.equal(pending.status?.phase, "Pending");
  assert.match(pending.status?.message ?? "", /persistentVolumeClaim "disk" cannot be mounted/);
  await remove(pod);
});

test("init containers run one after the other, sidecars stay, and the app comes last", async () => {
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  const step = (name: string, script: string, more: Partial<Container> = {}): Container => ({
    ...shell(script, { volumeMounts, ...more }),
    name,
  });
  const pod = await node.apply({
    restartPolicy: "Never",
    initContainers: [
      step("one", "sleep 0.2; echo one >> /shared/log"),
      step("side", "echo side >> /shared/log; touch /shared/up; trap 'exit 0' TERM; while :; do sleep 0.1; done", {
        restartPolicy: "Always",
        startupProbe: { exec: { command: ["test", "-e", "/shared/up"] }, periodSeconds: 1, timeoutSeconds: 30 },
      }),
      step("two", "echo two >> /shared/log"),
    ],
    containers: [step("web", "echo app >> /shared/log; cat /shared/log")],
    volumes: [{ name: "shared", emptyDir: {} }],
  });
  const ended = await node.until(pod, (now) => now.status?.phase === "Succeeded");
  assert.equal(await log(ended), "one\nside\ntwo\napp\n");
  assert.equal(ended.status?.initContainerStatuses?.[0]?.state?.terminated?.reason, "Completed");
  await remove(pod);
});

test("a failed init container with restartPolicy Never fails the pod", async () => {
  const pod = await node.apply({
    restartPolicy: "Never",
    initContainers: [{ ...shell("exit 9"), name: "init" }],
    containers: [shell("echo never")],
  });
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 9);
  assert.equal(failed.status?.containerStatuses?.[0]?.state?.waiting?.reason, "PodInitializing");
  await remove(pod);
});

test("readiness follows its probe both ways", async () => {
  const page = join(node.directory, "page");
  mkdirSync(page);
  writeFileSync(join(page, "ok"), "ok");
  const probing = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 };
  const readinessProbe = { httpGet: { path: "/ok", port: "http" }, ...probing };
  const container = shell("exec httpd -f -p 8080 -h /www", {
    readinessProbe,
    ports: [{ name: "http", containerPort: 8080 }],
    volumeMounts: [{ name: "page", mountPath: "/www" }],
  });
  const pod = await node.apply({ containers: [container], volumes: [{ name: "page", hostPath: { path: page } }] });
  await node.until(pod, isReady);
  // A probe may have come before the server listened.
  const before = node.events.all.length;
  rmSync(join(page, "ok"));
  const unready = await node.until(pod, (now) => !isReady(now));
  assert.equal(unready.status?.containerStatuses?.[0]?.restartCount, 0);
  const unhealthy = node.events.all.slice(before).filter(({ reason }) => reason === "Unhealthy");
  assert.equal(unhealthy[0]?.message, "Readiness probe failed: HTTP probe failed with statuscode: 404");
  writeFileSync(join(page, "ok"), "ok");
  await node.until(pod, isReady);
  await remove(pod);
});

test("a container that fails its liveness probe is started again", async () => {
  const failing = { exec: { command: ["sh", "-c", "exit 1"] } };
  const livenessProbe = { ...failing, periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 30 };
  const pod = await node.apply({
    containers: [shell("trap 'exit 0' TERM; while :; do sleep 0.1; done", { livenessProbe })],
  });
  await node.until(pod, (now) => now.status?.containerStatuses?.[0]?.restartCount === 1);
  assert.ok(node.events.has("Killing", "Container web failed liveness probe, will be restarted"));
  await remove(pod);
});

test("hooks run after the start and before the stop", async () => {
  const directory = `${node.directory}/hooks`;
  const lifecycle = {
    postStart: { exec: { command: ["sh", "-c", "echo started >> /shared/log"] } },
    preStop: { exec: { command: ["sh", "-c", "echo stopping >> /shared/log"] } },
  };
  const script = "trap 'echo stopped >> /shared/log; exit 0' TERM; while :; do sleep 0.1; done";
  const pod = await node.apply({
    terminationGracePeriodSeconds: 40,
    containers: [shell(script, { lifecycle, volumeMounts: [{ name: "shared", mountPath: "/shared" }] })],
    volumes: [{ name: "shared", hostPath: { path: directory, type: "DirectoryOrCreate" } }],
  });
  await node.until(pod, isReady);
  await remove(pod);
  assert.equal(readFileSync(`${directory}/log`, "utf8"), "started\nstopping\nstopped\n");
});

test("the security context reaches the container", async () => {
  const text = await output({
    securityContext: { runAsUser: 1000, runAsGroup: 1001, fsGroup: 2000, supplementalGroups: [3000] },
    containers: [
      shell(
        "id; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; touch /x 2>/dev/null || echo read-only; touch /v/x; stat -c %g /v/x",
        {
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [{ name: "v", mountPath: "/v" }],
        },
      ),
    ],
    volumes: [{ name: "v", emptyDir: {} }],
  });
  assert.match(text, /uid=1000.* gid=1001.* groups=.*2000,3000/);
  assert.match(text, /NoNewPrivs:\s+1/);
  assert.match(text, /CapBnd:\s+0000000000000000/);
  assert.match(text, /read-only\n2000/);
});

test("runAsNonRoot refuses an image that runs as root", async () => {
  const pod = await node.apply({ securityContext: { runAsNonRoot: true }, containers: [shell("id")] });
  const waiting = await node.until(
    pod,
    (now) => now.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
  );
  assert.match(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "", /image will run as root/);
  await remove(pod);
});

test("names resolve as the pod asks, and its own name is in its hosts file", async () => {
  const text = await output({
    hostname: "db-0",
    hostAliases: [{ ip: "192.0.2.9", hostnames: ["far", "away"] }],
    dnsConfig: { options: [{ name: "ndots", value: "2" }] },
    containers: [shell("hostname; cat /etc/hosts /etc/resolv.conf")],
  });
  assert.match(text, /^db-0$/m);
  assert.match(text, /^10\.61\.3\.\d+\tdb-0$/m);
  assert.match(text, /^192\.0\.2\.9\tfar\taway$/m);
  assert.match(
    text,
    /^search default\.svc\.cluster\.local svc\.cluster\.local\nnameserver 10\.43\.0\.10\noptions ndots:2$/m,
  );
});

test("a container over its memory limit is OOMKilled", async () => {
  const resources = { limits: { memory: "16Mi" } };
  const script = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
  const pod = await node.apply({ restartPolicy: "Never", containers: [shell(script, { resources })] });
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  const ended = failed.status?.containerStatuses?.[0]?.state?.terminated;
  assert.equal(ended?.reason, "OOMKilled");
  assert.equal(ended?.exitCode, 137);
  await remove(pod);
});

test("activeDeadlineSeconds ends the pod", async () => {
  const pod = await node.apply({
    activeDeadlineSeconds: 1,
    containers: [shell("trap 'exit 0' TERM; while :; do sleep 0.1; done")],
  });
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.reason, "DeadlineExceeded");
  await remove(pod);
});

test("a pod that this node has no room for is refused", async () => {
  const pod = await node.apply({ containers: [shell("sleep 1", { resources: { requests: { cpu: "64" } } })] });
  const failed = await node.until(pod, (now) => now.status?.phase === "Failed");
  assert.equal(failed.status?.reason, "OutOfcpu");
  await node.objects.delete("Pod", { namespace: "default", name: pod.metadata?.name ?? "" });
  await node.gone(pod);
});

test("logs can be followed, cut, timed, and read of the run before", async () => {
  const script = "for i in 1 2 3; do echo line $i; done; until [ -e /told/end ]; do sleep 0.05; done; echo end; exit 1";
  const told = join(node.directory, "told");
  mkdirSync(told);
  const pod = await node.apply({
    containers: [shell(script, { volumeMounts: [{ name: "told", mountPath: "/told" }] })],
    volumes: [{ name: "told", hostPath: { path: told } }],
  });
  const running = await node.until(pod, isReady);
  await eventually(async () => (await log(running)) === "line 1\nline 2\nline 3\n", { what: "the lines" });
  assert.equal(await log(running, "web", { tailLines: 2 }), "line 2\nline 3\n");
  assert.equal(await log(running, "web", { limitBytes: 8 }), "line 1\nl");
  assert.match(await log(running, "web", { tailLines: 1, timestamps: true }), /^\d{4}-\d\d-\d\dT[\d:.]+Z line 3\n$/);
  const seen = (text: string): void => {
    if (text.includes("line 3\n")) writeFileSync(join(told, "end"), "");
  };
  assert.equal(await log(running, "web", { follow: true, seen }), "line 1\nline 2\nline 3\nend\n");
  const again = await node.until(pod, (now) => now.status?.containerStatuses?.[0]?.restartCount === 1);
  assert.equal(await log(again, "web", { previous: true }), "line 1\nline 2\nline 3\nend\n");
  await remove(pod);
});
