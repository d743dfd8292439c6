import type { KubeObject, ObjectMeta } from "../api/kinds.ts";
import { holderOf } from "./claims/claim-state.ts";
import type { Content, Deletion, ObjectState } from "./object-state.ts";

/** The resources whose `spec.nodeName` is set once and merges apart. */
const BOUND_RESOURCES: ReadonlySet<string> = new Set(["pods"]);

/** An object as its registers hold it, copied: it shares nothing with what the caller gave. */
export interface ObjectParts {
  readonly main: Content;
  readonly status: Content | undefined;
  readonly nodeName: string | undefined;
  readonly deletion: Deletion | undefined;
}

export function splitObject(resource: string, object: KubeObject): ObjectParts {
  const { status, metadata, ...rest } = copy(object);
  const { resourceVersion: _, deletionTimestamp, deletionGracePeriodSeconds, ...meta } = metadata;
  const main: Record<string, unknown> = { ...rest, metadata: meta };
  let nodeName: string | undefined;
  const spec = rest["spec"];
  if (BOUND_RESOURCES.has(resource) && isContent(spec) && typeof spec["nodeName"] === "string") {
    const { nodeName: bound, ...others } = spec;
    nodeName = bound === "" ? undefined : (bound as string);
    main["spec"] = others;
  }
  return {
    main,
    status: isContent(status) ? status : undefined,
    nodeName,
    deletion:
      deletionTimestamp === undefined
        ? undefined
        : { timestamp: deletionTimestamp, seconds: deletionGracePeriodSeconds },
  };
}

/** The object that a state stands for. `state` must have a main register. */
export function joinObject(state: ObjectState, resourceVersion: string): KubeObject {
  const { main, status, binding, deletion, claimants } = state;
  if (main === undefined)
    throw new Error(`Cannot show ${state.key.resource} ${state.key.name}: it has no main register`);
  const metadata = { ...(main.content["metadata"] as ObjectMeta), resourceVersion };
  if (deletion) {
    metadata.deletionTimestamp = deletion.timestamp;
    if (deletion.seconds !== undefined) metadata.deletionGracePeriodSeconds = deletion.seconds;
  }
  const object = { ...main.content, metadata } as KubeObject;
  if (binding) object["spec"] = { ...(object["spec"] as Content | undefined), nodeName: binding.nodeName };
  if (status) object["status"] = status.content;
  if (claimants) object["status"] = { holder: holderOf(claimants) };
  return object;
}

export function isContent(value: unknown): value is Content {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
