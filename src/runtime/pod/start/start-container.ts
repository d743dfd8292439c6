import type { Container, Secret } from "../../../api/kinds.ts";
import { describeError } from "../../../lib/log.ts";
import { environment } from "../../env/environment.ts";
import { registryAuth } from "../../images/pull-secrets.ts";
import { RuntimeError, type ImageFacts, type Mount, type Sandbox } from "../../runtime-port.ts";
import { containerMounts } from "../../volumes/container-mounts.ts";
import { crashDelay, grow } from "../back-off.ts";
import { containerPlan } from "./container-plan.ts";
import { specHash } from "./spec-hash.ts";
import { runHook } from "../hooks.ts";
import { emit, placementOf, specOf, type PodContext } from "../pod-context.ts";
import { ContainerError } from "../pod-error.ts";
import { restarts, type ContainerState } from "../pod-state.ts";

const RETRY_CONFIG_MS = 5000;
const RETRY_IMAGE_MS = 10_000;
const RETRY_UNAVAILABLE_MS = 500;

/** Image, environment, container, start, post-start hook. What goes wrong ends up in the state; throws only on abort. */
export async function startContainer(context: PodContext, one: ContainerState, signal: AbortSignal): Promise<void> {
  const sandbox = context.state.sandbox;
  if (!sandbox) return;
  const container = specOf(context, one);
  try {
    const again = unanswered(one, container);
    const { id, older } = again ?? (await make(context, { one, container, sandbox, signal }));
    one.unanswered = { id, older };
    try {
      await context.deps.runtime.startContainer(id, signal);
    } catch (error) {
      if (again && error instanceof RuntimeError && error.code === "start")
        return await startOver(context, one, signal);
      throw error;
    }
    one.unanswered = undefined;
    markRunning(context, { one, container, id });
    emit(context, event(one, "Started", `Started container ${one.name}`));
    if (older !== undefined) await context.deps.runtime.removeContainer(older, signal);
    await postStart(context, { one, container, id, signal });
  } catch (error) {
    signal.throwIfAborted();
    await failed(context, one, error);
  }
}

/** What Podman was to start when it went away: it may run. Another one beside it would be a second start. */
function unanswered(one: ContainerState, container: Container): ContainerState["unanswered"] {
  const there = one.unanswered !== undefined && one.unanswered.id === one.id && one.ended === undefined;
  return there && one.specHash === specHash(container) ? one.unanswered : undefined;
}

/**
 * A start that was cut off may leave what no other start gets over, such as a container that the OCI runtime has and
 * Podman has not: that is no failure of the container, which is made anew under its name.
 */
async function startOver({ deps }: PodContext, one: ContainerState, signal: AbortSignal): Promise<void> {
  const older = one.unanswered?.older;
  one.unanswered = undefined;
  one.attempts -= 1;
  one.id = undefined;
  if (older !== undefined) await deps.runtime.removeContainer(older, signal);
}

async function make(
  context: PodContext,
  { sandbox, ...job }: ImageJob & { readonly sandbox: Sandbox },
): Promise<NonNullable<ContainerState["unanswered"]>> {
  const { one } = job;
  const image = await ensureImage(context, job);
  const older = one.id;
  const id = await create(context, { ...job, image, sandbox });
  emit(context, event(one, "Created", `Created container: ${one.name}`));
  return { id, older };
}

function event(container: ContainerState, reason: string, message: string) {
  return { type: "Normal", reason, message, container } as const;
}

interface ImageJob {
  readonly one: ContainerState;
  readonly container: Container;
  readonly signal: AbortSignal;
}

async function ensureImage(context: PodContext, { one, container, signal }: ImageJob): Promise<ImageFacts> {
  const { deps } = context;
  const facts = await deps.puller.ensure(
    {
      image: container.image ?? "",
      policy: container.imagePullPolicy,
      auth: (name) => registryAuth(name, pullSecrets(context, one)),
      event: (type, reason, message) => emit(context, { type, reason, message, container: one }),
      progress: (line) => deps.log.debug("Pulling", { image: container.image, line }),
    },
    signal,
  );
  one.pull = undefined;
  return facts;
}

/** Those that exist; the missing ones are told. */
function pullSecrets(context: PodContext, one: ContainerState): Secret[] {
  const { metadata, spec } = context.pod();
  const names = (spec?.imagePullSecrets ?? []).map(({ name = "" }) => name);
  const get = (name: string) => context.deps.objects.get("Secret", { namespace: metadata?.namespace, name });
  const missing = names.filter((name) => get(name) === undefined);
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
    emit(context, { type: "Warning", reason: "FailedToRetrieveImagePullSecret", message, container: one });
  }
  return names.map(get).filter((secret) => secret !== undefined);
}

interface CreateJob extends ImageJob {
  readonly image: ImageFacts;
  readonly sandbox: Sandbox;
}

async function create(context: PodContext, { one, container, image, sandbox, signal }: CreateJob): Promise<string> {
  const { deps, uid } = context;
  const pod = context.pod();
  const env = environment({ objects: deps.objects, placement: placementOf(context) }, pod, container);
  const attempt = one.attempts;
  const volumes = await context.volumes();
  const [mounts] = await Promise.all([
    containerMounts(container, {
      volumes,
      env,
      subPath: (volume, part) => deps.volumes.subPath(uid, volume, part),
    }),
    deps.directory.prepareContainer(uid, one.name, attempt),
  ]);
  const spec = containerPlan(pod, container, {
    attempt,
    image,
    env,
    mounts: [...ownMounts(context, { container, attempt, mounts }), ...mounts],
    logPath: deps.directory.log(uid, one.name, attempt),
    abilities: deps.abilities,
    nodeMemory: deps.node.allocatable.memory,
  });
  const madeAt = deps.clock.monotonic();
  const id = await deps.runtime.createContainer(sandbox, spec, signal);
  one.attempts = attempt + 1;
  one.id = id;
  one.madeAt = madeAt;
  one.imageId = image.repoDigest ?? image.id;
  one.condemned = undefined;
  one.specHash = spec.specHash;
  one.replace = false;
  if (one.ended) one.last = one.ended;
  one.ended = undefined;
  return id;
}

/** Our files over the image's, but never over what the pod mounts there itself. */
function ownMounts(
  { deps, uid }: PodContext,
  { container, attempt, mounts }: { container: Container; attempt: number; mounts: readonly Mount[] },
): Mount[] {
  const { directory } = deps;
  const message = container.terminationMessagePath ?? "/dev/termination-log";
  const own: Mount[] = [
    { source: directory.hosts(uid), destination: "/etc/hosts", readOnly: false },
    { source: directory.resolvConf(uid), destination: "/etc/resolv.conf", readOnly: false },
    { source: directory.termination(uid, container.name, attempt), destination: message, readOnly: false },
  ];
  return own.filter(({ destination }) => !mounts.some((mount) => mount.destination === destination));
}

function markRunning(
  context: PodContext,
  { one, container, id }: { one: ContainerState; container: Container; id: string },
): void {
  one.waiting = undefined;
  // It may have ended before its start was answered.
  if (one.ended?.containerId === id) return;
  one.runningSince = context.deps.clock.now();
  one.started = container.startupProbe === undefined;
  one.ready = one.started && container.readinessProbe === undefined;
  if (!container.lifecycle?.postStart) context.running(one);
}

async function postStart(
  context: PodContext,
  { one, container, id, signal }: { one: ContainerState; container: Container; id: string; signal: AbortSignal },
): Promise<void> {
  const hook = container.lifecycle?.postStart;
  if (!hook || one.ended) return;
  context.changed();
  try {
    await runHook(context, { hook, container, id, signal });
  } catch (error) {
    signal.throwIfAborted();
    const message = `PostStartHook failed: ${describeError(error)}`;
    emit(context, { type: "Warning", reason: "FailedPostStartHook", message, container: one });
    one.condemned = "FailedPostStartHook";
    return;
  }
  if (!one.ended) context.running(one);
}

async function failed(context: PodContext, one: ContainerState, error: unknown): Promise<void> {
  const { clock, log } = context.deps;
  const now = clock.now();
  const message = describeError(error);
  const unknown = error instanceof RuntimeError && (error.code === "unavailable" || error.code === "timeout");
  if (!unknown) one.unanswered = undefined;
  if (error instanceof RuntimeError && error.code === "unavailable") {
    log.warn("Cannot start a container now", { container: one.name, error: message });
    one.retryAt = now + RETRY_UNAVAILABLE_MS;
    return;
  }
  if (error instanceof RuntimeError && error.code === "start") {
    await startFailed(context, one, message);
    return;
  }
  const reason = error instanceof ContainerError ? error.reason : "CreateContainerError";
  one.waiting = { reason, message };
  if (reason === "ErrImagePull") {
    one.pull = grow(one.pull, now);
    one.retryAt = now + one.pull.delayMs;
    return;
  }
  one.retryAt = now + (reason.includes("Image") ? RETRY_IMAGE_MS : RETRY_CONFIG_MS);
  if (!reason.includes("Image")) {
    emit(context, { type: "Warning", reason: "Failed", message: `Error: ${message}`, container: one });
  }
}

/** The command cannot be run: upstream counts it as a container that ended with 128. */
async function startFailed(context: PodContext, one: ContainerState, message: string): Promise<void> {
  const { clock, directory, runtime } = context.deps;
  const now = clock.now();
  const id = one.id ?? "";
  one.id = undefined;
  one.runningSince = undefined;
  // Without the time of its start, kubectl would show the year 1.
  const end = { containerId: id, exitCode: 128, reason: "StartError", message, startedAt: now, finishedAt: now };
  const { waitMs, next } = crashDelay(one.crash, end);
  one.crash = next;
  one.retryAt = now + Math.max(waitMs, 1000);
  one.ended = { ...end, retry: { ...next, until: one.retryAt } };
  // One that is not tried again has ended, and waits for nothing.
  const again = restarts(one, context.pod().spec?.restartPolicy ?? "Always");
  one.waiting = again ? { reason: "RunContainerError", message } : undefined;
  emit(context, { type: "Warning", reason: "Failed", message: `Error: ${message}`, container: one });
  await directory.saveExit(context.uid, one.ended);
  await runtime.removeContainer(id, new AbortController().signal);
}
