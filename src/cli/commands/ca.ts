import { duration } from "../arguments.ts";
import type { Command } from "../command.ts";
import { alignColumns } from "../output/table.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

const WORDS = ["status", "rotate"] as const;

interface ShownCa {
  /** SHA-256 of the certificate in hex. */
  readonly fingerprint: string;
  readonly until: string;
}

interface CaStatus {
  readonly signing: ShownCa;
  readonly staged: ShownCa | null;
  readonly older: readonly ShownCa[];
  readonly compromised: boolean;
}

export const ca: Command = {
  name: "ca",
  summary: "Show or replace the cluster's certificate authority",
  usage: "(status | rotate) [flags]",
  examples: ["psctl ca status", "psctl ca rotate", "psctl ca rotate --overlap=168h", "psctl ca rotate --compromised"],
  words: WORDS,
  flags: [
    {
      name: "overlap",
      type: "text",
      placeholder: "TIME",
      meaning: "rotate: kubeconfigs, certificates and join tokens of the old CA are good for so long (default: 720h)",
    },
    {
      name: "compromised",
      type: "switch",
      meaning:
        "rotate: somebody may have the old CA's key. Replaces the gossip key, the data keys and all tokens, too; nothing " +
        "made before is good afterwards, and nodes that are away have to join again",
    },
  ],
  run: async (session, args) => {
    const [word, ...more] = args.positionals;
    const known = WORDS.find((one) => one === word);
    if (!known || more.length > 0) throw new UsageError(`expected one of ${WORDS.join(", ")} after ca`);
    if (known === "status") return await status(session);
    const overlapMs = duration(args, "overlap");
    const compromised = args.has("compromised");
    if (compromised && overlapMs !== undefined) throw new UsageError("--compromised leaves no --overlap");
    const body = {
      ...(overlapMs === undefined ? {} : { overlap: Math.ceil(overlapMs / 1000) }),
      ...(compromised ? { compromised } : {}),
    };
    const { message } = await session.client.json<{ message: string }>("POST", "/api/v1/ca/rotate", {
      body,
      signal: session.signal,
    });
    session.print(message);
    return 0;
  },
};

async function status(session: Session): Promise<number> {
  const { signing, staged, older, compromised } = await session.client.json<CaStatus>("GET", "/api/v1/ca", {
    signal: session.signal,
  });
  const row = (use: string, { fingerprint, until }: ShownCa): string[] => [use, until, fingerprint];
  const rows = [
    row("signs", signing),
    ...(staged ? [row("is being brought in", staged)] : []),
    ...older.map((one) => row("is believed", one)),
  ];
  session.streams.out(alignColumns([["USE", "UNTIL", "SHA-256"], ...rows]));
  if (staged) {
    session.print(
      `Replacing the CA broke off, or is under way: psctl ca rotate${compromised ? " --compromised" : ""} goes on with it.`,
    );
  }
  return 0;
}
