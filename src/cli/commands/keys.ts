import type { Command } from "../command.ts";
import { UsageError } from "../usage-error.ts";

export const keys: Command = {
  name: "keys",
  summary: "Replace the key of the gossip between nodes, or of the secrets on this node's disk",
  usage: "rotate [flags]",
  examples: ["psctl keys rotate", "psctl keys rotate --data"],
  words: ["rotate"],
  flags: [
    {
      name: "data",
      type: "switch",
      meaning: "the key of Secrets on the disk of the node that is asked, and in its backups",
    },
  ],
  run: async (session, args) => {
    if (args.positionals.join(" ") !== "rotate") throw new UsageError("expected psctl keys rotate");
    const path = `/api/v1/keys/${args.has("data") ? "data" : "gossip"}/rotate`;
    const { message } = await session.client.json<{ message: string }>("POST", path, { signal: session.signal });
    session.print(message);
    return 0;
  },
};
