import { once } from "node:events";
import { ApiError } from "../../api/api-error.ts";
import type { ContainerStatus, Pod } from "../../api/kinds.ts";
import type { Exchange } from "../http/exchange.ts";
import { flag, integer } from "../objects/list-options.ts";
import type { PodLogOptions, PodLogs } from "../ports.ts";
import type { Registry } from "../registry.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

/** `log` of a pod: plain text, as it comes. */
export function podLogSubresource(registry: Registry, logs: PodLogs): SubresourceHandler {
  return async ({ exchange, path }) => {
    if (exchange.method !== "GET") throw methodNotAllowed();
    const entry = registry.get(path.served.declaration, { namespace: path.namespace, name: path.name });
    const pod = entry.object as unknown as Pod;
    const options = logOptions(pod, exchange.query);
    refuseUnstarted(pod, options);
    const stream = await logs.open(pod, options, exchange.signal);
    await sendText(exchange, stream);
  };
}

async function sendText(exchange: Exchange, stream: AsyncIterable<Uint8Array>): Promise<void> {
  const { response, signal } = exchange;
  response.writeHead(200, { "Content-Type": "text/plain", "Cache-Control": "no-cache, no-transform" });
  response.flushHeaders();
  for await (const piece of stream) {
    if (signal.aborted) return;
    if (!response.write(piece)) await once(response, "drain", { signal });
  }
  response.end();
}

function containersOf({ spec }: Pod): readonly string[] {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  return all.map(({ name }) => name);
}

function logOptions(pod: Pod, query: URLSearchParams): PodLogOptions {
  const tailLines = limited(query, "tailLines", 0);
  const limitBytes = limited(query, "limitBytes", 1);
  const sinceSeconds = limited(query, "sinceSeconds", 1);
  const sinceTime = query.get("sinceTime") || undefined;
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    throw new ApiError("Invalid", "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  return {
    container: containerOf(pod, query.get("container") || undefined),
    follow: flag(query, "follow") ?? false,
    previous: flag(query, "previous") ?? false,
    timestamps: flag(query, "timestamps") ?? false,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
  };
}

function limited(query: URLSearchParams, name: string, least: number): number | undefined {
  const value = integer(query, name);
  if (value === undefined || value >= least) return value;
  throw new ApiError("Invalid", `${name}: Invalid value: ${value}: must be greater than or equal to ${least}`);
}

function containerOf(pod: Pod, asked: string | undefined): string {
  const all = containersOf(pod);
  const name = pod.metadata?.name ?? "";
  if (asked !== undefined) {
    if (all.includes(asked)) return asked;
    throw new ApiError("BadRequest", `container ${asked} is not valid for pod ${name}`);
  }
  const first = pod.spec?.containers[0]?.name;
  if (all.length === 1 && first !== undefined) return first;
  const choice = (pod.spec?.containers ?? []).map((container) => container.name).join(" ");
  const init = (pod.spec?.initContainers ?? []).map((container) => container.name).join(" ");
  const also = init === "" ? "" : ` or one of the init containers: [${init}]`;
  throw new ApiError(
    "BadRequest",
    `a container name must be specified for pod ${name}, choose one of: [${choice}]${also}`,
  );
}

/** A container that never ran has no log; the reason is what its status says. */
function refuseUnstarted(pod: Pod, { container, previous }: PodLogOptions): void {
  const name = pod.metadata?.name ?? "";
  const { status } = pod;
  const statuses: readonly ContainerStatus[] = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const found = statuses.find((each) => each.name === container);
  const which = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`;
  if (!pod.spec?.nodeName) throw new ApiError("BadRequest", `pod ${name} does not have a host assigned`);
  if (previous) {
    if (found?.lastState?.terminated) return;
    throw new ApiError("BadRequest", `previous terminated ${which} not found`);
  }
  if (found?.state?.running || found?.state?.terminated || found?.lastState?.terminated) return;
  const reason = found?.state?.waiting?.reason ?? "ContainerCreating";
  const trouble = /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)$/.test(reason);
  const why = trouble ? "trying and failing to pull image" : reason;
  throw new ApiError("BadRequest", `${which} is waiting to start: ${why}`);
}
