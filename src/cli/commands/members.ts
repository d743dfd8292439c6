import type { Command } from "../command.ts";
import { OUTPUT_FLAG, outputFormat, printListed } from "../output/print-objects.ts";
import { alignColumns } from "../output/table.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

/** How many nodes a cluster has, lost ones among them. */
export function sizeOf({ members }: Pick<MemberList, "members">): number {
  return members.filter(({ state }) => state !== "left").length;
}

export interface MemberList {
  readonly cluster: string;
  readonly join_address: string;
  /** Whether the others have taken the node that was asked out of the cluster. */
  readonly removed: boolean;
  readonly members: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly state: string;
  }[];
}

export const members: Command = {
  name: "members",
  summary: "List the nodes that this one knows, and whether they live, or remove one",
  usage: "[remove NAME] [flags]",
  examples: [
    "psctl members",
    "psctl members -o json",
    "psctl members remove node3",
    "psctl members remove node3 --compromised",
  ],
  words: ["remove"],
  flags: [
    OUTPUT_FLAG,
    {
      name: "compromised",
      type: "switch",
      meaning:
        "remove: somebody may have read its disk. Replaces all keys and tokens, as psctl ca rotate --compromised",
    },
  ],
  run: async (session, args) => {
    const [word, name, ...more] = args.positionals;
    const format = outputFormat(args.text("output"));
    if (word !== undefined) {
      if (word !== "remove" || name === undefined || more.length > 0) {
        throw new UsageError("expected psctl members, or psctl members remove NAME");
      }
      if (args.has("output")) throw new UsageError("-o goes with psctl members");
      const query = args.has("compromised") ? "?compromised=true" : "";
      const path = `/api/v1/members/${encodeURIComponent(name)}${query}`;
      const { message } = await session.client.json<{ message: string }>("DELETE", path, { signal: session.signal });
      session.print(message);
      return 0;
    }
    if (args.has("compromised")) throw new UsageError("--compromised goes with psctl members remove NAME");
    const whole = await readMembers(session);
    if (format.type === "table") {
      const rows = whole.members.map(({ name: one, host, port, state }) => [one, `${host}:${port}`, state]);
      session.streams.out(alignColumns([["NAME", "ADDRESS", "STATE"], ...rows]));
    } else {
      session.streams.out(printListed(format, { whole, items: whole.members.map((one) => [one.name, one]) }));
    }
    if (whole.removed) {
      session.streams.err(
        "This node was removed from the cluster, and lists what it saw last. To come back: stop its agent, and psctl join with a new token\n",
      );
    }
    return 0;
  },
};

export async function readMembers(session: Session): Promise<MemberList> {
  return await session.client.json<MemberList>("GET", "/api/v1/members", { signal: session.signal });
}
