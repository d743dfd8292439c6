import { parseQuantity } from "../../../api/quantity.ts";
import { describeError } from "../../../lib/log.ts";
import { diskUsage } from "../../volumes/disk-usage.ts";
import { emit, type PodContext } from "../pod-context.ts";

/** How often volumes are measured; longer where measuring takes long. */
const EVERY_MS = 10_000;
/** Measuring takes at most so much of the time. */
const SHARE = 0.05;

/** Evicts a pod whose emptyDirs on disk outgrow their limits, as upstream does. Runs until `signal` is aborted. */
export async function guardVolumes(context: PodContext, signal: AbortSignal): Promise<void> {
  const { clock } = context.deps;
  // Without root, what containers wrote cannot be looked at: that is told at the start instead.
  if (!context.deps.abilities.ownership || limits(context).length === 0) return;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    try {
      const message = await outgrown(context, signal);
      if (message !== undefined) return evict(context, message);
    } catch (error) {
      signal.throwIfAborted();
      const { name } = context.pod().metadata ?? {};
      context.deps.log.warn("Cannot measure a pod's volumes", { pod: name, error: describeError(error) });
    }
    await clock.sleep(Math.max(EVERY_MS, (clock.monotonic() - startedAt) / SHARE), signal);
  }
}

interface Limit {
  readonly name: string;
  readonly text: string;
  readonly bytes: number;
}

/** A limit of nothing is none, as upstream. */
function limits({ pod }: PodContext): Limit[] {
  return (pod().spec?.volumes ?? []).flatMap(({ name, emptyDir }) => {
    const text = emptyDir?.medium === "Memory" ? undefined : emptyDir?.sizeLimit;
    const bytes = parseQuantity(text ?? "0") ?? 0;
    return text === undefined || bytes <= 0 ? [] : [{ name, text, bytes }];
  });
}

async function outgrown(context: PodContext, signal: AbortSignal): Promise<string | undefined> {
  if (!context.state.sandbox) return undefined;
  const volumes = await context.volumes();
  for (const { name, text, bytes } of limits(context)) {
    const directory = volumes.get(name)?.directory;
    if (directory === undefined || (await diskUsage(directory, { enough: bytes, signal })) <= bytes) continue;
    return `Usage of EmptyDir volume "${name}" exceeds the limit "${text}". `;
  }
  return undefined;
}

function evict(context: PodContext, message: string): void {
  if (context.state.evicted) return;
  context.state.evicted = { reason: "Evicted", message };
  emit(context, { type: "Warning", reason: "Evicted", message });
  context.changed();
}
