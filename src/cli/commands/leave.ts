import type { Command } from "../command.ts";

export const leave: Command = {
  name: "leave",
  summary: "Take the node that is asked out of its cluster, and end its agent",
  usage: "[flags]",
  examples: ["psctl leave"],
  flags: [],
  run: async (session) => {
    const { message } = await session.client.json<{ message: string }>("POST", "/api/v1/leave", {
      signal: session.signal,
    });
    session.print(message);
    return 0;
  },
};
