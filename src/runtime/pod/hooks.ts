import type { Container } from "../../api/kinds.ts";
import { httpCheck, type HttpTarget } from "../probes/probe-check.ts";
import { placementOf, type PodContext } from "./pod-context.ts";

type Hook = NonNullable<NonNullable<Container["lifecycle"]>["postStart"]>;

/** A hook has no timeout of its own; one that hangs is ended with its container. */
const HOOK_MS = 30 * 60_000;

export interface HookRun {
  readonly hook: Hook;
  readonly container: Container;
  readonly id: string;
  readonly signal: AbortSignal;
}

/** Runs a lifecycle hook: a command, a request or a sleep. Throws when it fails. */
export async function runHook(context: PodContext, { hook, container, id, signal }: HookRun): Promise<void> {
  const { deps } = context;
  if (hook.sleep) return deps.clock.sleep(hook.sleep.seconds * 1000, signal);
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const { exitCode, output } = await deps.runtime.exec(id, { command, timeoutMs: HOOK_MS }, signal);
    if (exitCode !== 0) throw new Error(`command '${command.join(" ")}' exited with ${exitCode}: ${output.trim()}`);
    return;
  }
  if (hook.httpGet) {
    const check = httpCheck(hook.httpGet as HttpTarget, container, placementOf(context).podIp);
    const { ok, message } = await deps.prober.probe(check, HOOK_MS, signal);
    if (!ok) throw new Error(message);
  }
}
