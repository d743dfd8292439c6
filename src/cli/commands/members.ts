import type { Command } from "../command.ts";
import { alignColumns } from "../output/table.ts";
import type { Session } from "../session.ts";

export interface MemberList {
  readonly cluster: string;
  readonly join_address: string;
  readonly members: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly state: string;
  }[];
}

export const members: Command = {
  name: "members",
  summary: "List the nodes that this one knows, and whether they live",
  usage: "[flags]",
  flags: [],
  run: async (session) => {
    const { members: all } = await readMembers(session);
    const rows = all.map(({ name, host, port, state }) => [name, `${host}:${port}`, state]);
    session.streams.out(alignColumns([["NAME", "ADDRESS", "STATE"], ...rows]));
    return 0;
  },
};

export async function readMembers(session: Session): Promise<MemberList> {
  return await session.client.json<MemberList>("GET", "/api/v1/members", { signal: session.signal });
}
