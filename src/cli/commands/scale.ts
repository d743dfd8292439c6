import { apiVersionOf, pathOf } from "../../client/discovery.ts";
import { wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { askedFor } from "../named.ts";
import { qualifiedName } from "../output/print-objects.ts";
import { UsageError } from "../usage-error.ts";

interface Scale {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec: { readonly replicas?: number };
}

export const scale: Command = {
  name: "scale",
  summary: "Set how many replicas something has",
  usage: "--replicas=N (KIND/NAME... | KIND NAME...) [flags]",
  examples: ["psctl scale deploy/web --replicas=5"],
  flags: [
    { name: "replicas", type: "text", placeholder: "N", meaning: "how many are wanted" },
    { name: "current-replicas", type: "text", placeholder: "N", meaning: "only if it has that many now" },
  ],
  run: async (session, args) => {
    const replicas = wholeNumber(args, "replicas");
    if (replicas === undefined || replicas < 0) throw new UsageError("--replicas=N is needed, 0 or more");
    const expected = wholeNumber(args, "current-replicas");
    for (const { resource, name } of await askedFor(session, args.positionals)) {
      if (name === undefined) throw new UsageError(`Name what to scale: psctl scale ${resource.singular}/NAME`);
      const path = pathOf(resource, { namespace: session.namespace, name, subresource: "scale" });
      const current = await session.client.json<Scale>("GET", path, { signal: session.signal });
      if (expected !== undefined && current.spec.replicas !== expected) {
        throw new Error(`Expected replicas to be ${expected}, was ${current.spec.replicas ?? 0}`);
      }
      await session.client.json("PUT", path, {
        body: { ...current, spec: { ...current.spec, replicas } },
        signal: session.signal,
      });
      session.print(
        `${qualifiedName({ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name } })} scaled`,
      );
    }
    return 0;
  },
};
