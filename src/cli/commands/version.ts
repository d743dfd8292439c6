import { VERSION } from "../../lib/version.ts";
import type { Command } from "../command.ts";

export const version: Command = {
  name: "version",
  summary: "Print the versions of psctl and of the server",
  usage: "[flags]",
  flags: [{ name: "client", type: "switch", meaning: "psctl's own only" }],
  run: async (session, args) => {
    session.print(`Client Version: v${VERSION}`);
    if (args.has("client")) return 0;
    const server = await session.client.json<{ gitVersion: string }>("GET", "/version", { signal: session.signal });
    session.print(`Server Version: ${server.gitVersion}`);
    return 0;
  },
};
