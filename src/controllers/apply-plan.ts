import { isReason } from "../api/api-error.ts";
import type { KindName, Kinds } from "../api/kinds.ts";
import type { Objects } from "../api/objects.ts";
import type { Plan, Write } from "./controller.ts";

export interface ApplyHooks {
  written(write: Write, result: Kinds[KindName] | undefined): void;
  failed(write: Write, error: unknown): void;
}

/** Does what a plan wants. Returns the first error after everything that could be tried was tried. */
export async function applyPlan(objects: Objects, { stages }: Plan, hooks: ApplyHooks): Promise<unknown> {
  const errors: unknown[] = [];
  for (const stage of stages) {
    const creates = stage.filter(({ verb }) => verb === "create");
    const others = stage.filter(({ verb }) => verb !== "create");
    errors.push(...(await together(objects, others, hooks)));
    errors.push(...(await slowStart(objects, creates, hooks)));
  }
  return errors[0];
}

/**
 * Doubles the number of creates at a time while all succeed and stops at the first batch with a failure, so that a quota
 * or a broken admission is not hit five hundred times (as upstream's `slowStartBatch`).
 */
async function slowStart(objects: Objects, writes: readonly Write[], hooks: ApplyHooks): Promise<unknown[]> {
  let size = 1;
  for (let from = 0; from < writes.length; from += size / 2) {
    const errors = await together(objects, writes.slice(from, from + size), hooks);
    if (errors.length > 0) return errors;
    size *= 2;
  }
  return [];
}

async function together(objects: Objects, writes: readonly Write[], hooks: ApplyHooks): Promise<unknown[]> {
  const results = await Promise.all(
    writes.map(async (write) => {
      try {
        hooks.written(write, await apply(objects, write));
        return undefined;
      } catch (error) {
        hooks.failed(write, error);
        return { error };
      }
    }),
  );
  return results.flatMap((result) => (result ? [result.error] : []));
}

async function apply(objects: Objects, write: Write): Promise<Kinds[KindName] | undefined> {
  switch (write.verb) {
    case "create":
      return objects.create(write.kind, write.object, write.options);
    case "update":
      return objects.update(write.kind, write.object);
    case "status":
      return objects.updateStatus(write.kind, write.object);
    case "delete":
      try {
        await objects.delete(write.kind, write.ref, write.options);
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
      return undefined;
  }
}
