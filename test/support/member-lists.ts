import type { ApiClient } from "../../src/client/api-client.ts";
import type { MemberList } from "../../src/cli/commands/members.ts";
import { eventually } from "../poll.ts";

/** What a node says of the members, as `n1 alive, n2 dead`. */
export async function memberList(client: Pick<ApiClient, "json">): Promise<string> {
  const { members } = await client.json<MemberList>("GET", "/api/v1/members");
  return members.map(({ name, state }) => `${name} ${state}`).join(", ");
}

/**
 * The same with nobody suspected. On a busy machine a living node may be suspected for a moment, and refutes it: what is
 * promised at any instant is that it is not taken for dead.
 */
export function withoutSuspicion(list: string): string {
  return list.replaceAll(" suspect", " alive");
}

/** Waits until every one of the lists is this text, or matches it. Where that is not so in time, says how they are. */
export async function agreeOn(
  expected: string | RegExp,
  lists: () => Promise<readonly string[]>,
  { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const isExpected = (list: string): boolean =>
    typeof expected === "string" ? list === expected : expected.test(list);
  const agreed = async (): Promise<true> => {
    const seen = await lists();
    if (!seen.every(isExpected)) throw new Error(`they say ${seen.join(" / ")}`);
    return true;
  };
  await eventually(agreed, { what: `all lists to say ${expected}`, timeoutMs, everyMs: 100 });
}
