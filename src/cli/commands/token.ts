import { duration, wholeNumber } from "../arguments.ts";
import type { Arguments, Command } from "../command.ts";
import { OUTPUT_FLAG, type OutputFormat, outputFormat, printListed } from "../output/print-objects.ts";
import { alignColumns } from "../output/table.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

const WORDS = ["create", "list", "revoke", "rotate"] as const;
const PATH = "/api/v1/join-tokens";

interface TokenInfo {
  readonly id: string;
  readonly name: string;
  readonly expires_at: string | null;
  readonly uses_left: number | null;
  readonly state: string;
}

/** The only answer that holds the secret. */
export interface NewToken extends TokenInfo {
  readonly token: string;
  /** The cluster port of the member that made it. */
  readonly address: string;
}

export const token: Command = {
  name: "token",
  summary: "Make, list, revoke or rotate the tokens with which nodes join",
  usage: `(create | list | revoke ID | rotate ID) [flags]`,
  examples: [
    "psctl token create",
    "psctl token create --expires=24h --uses=1",
    "psctl token list -o json",
    "psctl token rotate k3p1weh9",
  ],
  words: WORDS,
  flags: [
    { name: "name", type: "text", placeholder: "TEXT", meaning: "create: what it is for, for your own memory" },
    {
      name: "expires",
      type: "text",
      placeholder: "TIME",
      meaning: "create: good for so long, such as 24h (default: without end)",
    },
    { name: "uses", type: "text", placeholder: "N", meaning: "create: good for so many nodes (default: any number)" },
    { name: "quiet", short: "q", type: "switch", meaning: "create, rotate: print the token only, for a file" },
    { ...OUTPUT_FLAG, meaning: `list: ${OUTPUT_FLAG.meaning}` },
  ],
  run: async (session, args) => {
    const [word, id, ...more] = args.positionals;
    const known = WORDS.find((one) => one === word);
    if (!known || more.length > 0) throw new UsageError(`expected one of ${WORDS.join(", ")} after token`);
    if ((known === "revoke" || known === "rotate") !== (id !== undefined)) {
      throw new UsageError(
        id === undefined ? `name the token: psctl token ${known} ID` : `token ${known} takes no name`,
      );
    }
    const format = outputFormat(args.text("output"));
    if (args.has("output") && known !== "list") throw new UsageError("-o goes with psctl token list");
    switch (known) {
      case "create":
        return show(session, args, await create(session, args));
      case "list":
        return await list(session, format);
      case "revoke":
        await session.client.json("DELETE", pathOf(id), { signal: session.signal });
        session.print(`The join token ${id} is revoked: nobody joins with it any more. Nodes that have joined stay.`);
        return 0;
      case "rotate":
        return show(
          session,
          args,
          await session.client.json("POST", `${pathOf(id)}/rotate`, { signal: session.signal }),
        );
    }
  },
};

async function create(session: Session, args: Arguments): Promise<NewToken> {
  const expiresMs = duration(args, "expires") ?? 0;
  const body = {
    name: args.text("name") ?? "",
    expires_in: Math.ceil(expiresMs / 1000),
    uses: wholeNumber(args, "uses") ?? 0,
  };
  return await session.client.json<NewToken>("POST", PATH, { body, signal: session.signal });
}

function show(session: Session, args: Arguments, made: NewToken): number {
  session.streams.out(args.has("quiet") ? `${made.token}\n` : `${joinHelp(made)}\n`);
  return 0;
}

/** How to join with a new token. The token is in no command line: those are seen by everyone on a host. */
export function joinHelp({ token: secret, address, expires_at: expires, uses_left: uses }: NewToken): string {
  const limits = [
    ...(uses === null ? [] : [`for ${uses} ${uses === 1 ? "node" : "nodes"}`]),
    ...(expires === null ? [] : [`until ${expires}`]),
  ];
  return [
    `The join token${limits.length > 0 ? `, good ${limits.join(" and ")}` : ""}, which is shown only now:`,
    "",
    `  ${secret}`,
    "",
    "On the host that is to join, as root or as a user, type this and give the token when it asks:",
    "",
    `  psctl join ${address}`,
    "",
    "(--token-file=FILE and --token=- take it from a file and the standard input. The agent itself takes",
    `--join=${address} --join-token-file=FILE.)`,
    "",
    "Members share trust and know of each other so far. Objects are not shared yet: each node runs its own.",
  ].join("\n");
}

async function list(session: Session, format: OutputFormat): Promise<number> {
  const whole = await session.client.json<{ join_tokens: readonly TokenInfo[] }>("GET", PATH, {
    signal: session.signal,
  });
  const tokens = whole.join_tokens;
  if (format.type !== "table") {
    session.streams.out(printListed(format, { whole, items: tokens.map((one) => [one.id, one]) }));
    return 0;
  }
  if (tokens.length === 0) {
    session.print("There are no join tokens. psctl token create makes one.");
    return 0;
  }
  const rows = tokens.map(({ id, name, state, uses_left: uses, expires_at: expires }) => [
    id,
    state,
    uses === null ? "any" : String(uses),
    expires ?? "never",
    name,
  ]);
  session.streams.out(alignColumns([["ID", "STATE", "USES LEFT", "EXPIRES", "NAME"], ...rows]));
  return 0;
}

function pathOf(id: string | undefined): string {
  return `${PATH}/${encodeURIComponent(id ?? "")}`;
}
