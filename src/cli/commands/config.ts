import { readFileSync } from "node:fs";
import type { Arguments, Command } from "../command.ts";
import { alignColumns } from "../output/table.ts";
import type { Session } from "../session.ts";
import { type ContextSettings, readSettings, settingsPath, writeSettings } from "../settings.ts";
import { UsageError } from "../usage-error.ts";

const WORDS = [
  "set-server",
  "set-token",
  "set-namespace",
  "view",
  "get-location",
  "get-contexts",
  "use-context",
] as const;

export const config: Command = {
  name: "config",
  summary: "Keep servers, tokens and namespaces by name",
  usage: `(${WORDS.join(" | ")}) [VALUE] [flags]`,
  examples: [
    "psctl config set-server https://node1:6443 --certificate-authority ca.crt",
    "psctl config set-token --token-file token",
    "psctl config use-context lab",
  ],
  words: WORDS,
  flags: [
    {
      name: "context",
      type: "text",
      placeholder: "NAME",
      meaning: "which context to change; the current one by default",
    },
  ],
  run: async (session, args) => {
    const [word, value] = args.positionals;
    const path = settingsPath(session.env);
    switch (WORDS.find((known) => known === word)) {
      case "set-server":
        return change(session, args, { server: needed(value, "set-server URL"), ...authorityOf(args) });
      case "set-token":
        return change(session, args, { token: await tokenText(session, args, value) });
      case "set-namespace":
        return change(session, args, { namespace: needed(value, "set-namespace NAME") });
      case "use-context": {
        const name = needed(value, "use-context NAME");
        writeSettings(path, { ...readSettings(path), currentContext: name });
        session.print(`Switched to context "${name}".`);
        return 0;
      }
      case "get-location":
        session.print(path);
        return 0;
      case "view":
        session.print(JSON.stringify(withoutSecrets(path), null, 2));
        return 0;
      case "get-contexts": {
        const { contexts, currentContext } = readSettings(path);
        const rows = Object.entries(contexts).map(([name, context]) => [
          name === currentContext ? "*" : "",
          name,
          context.server ?? "",
          context.namespace ?? "",
        ]);
        session.streams.out(alignColumns([["CURRENT", "NAME", "SERVER", "NAMESPACE"], ...rows]));
        return 0;
      }
      case undefined:
        throw new UsageError(`expected one of ${WORDS.join(", ")} after config`);
    }
  },
};

function needed(value: string | undefined, usage: string): string {
  if (value === undefined) throw new UsageError(`Usage: psctl config ${usage}`);
  return value;
}

function authorityOf(args: Arguments): ContextSettings {
  const file = args.text("certificate-authority");
  return file === undefined ? {} : { certificateAuthority: readFileSync(file, "utf8") };
}

/** From --token-file, from standard input with `-`, or from the command line (where all users of the host can read it). */
async function tokenText(session: Session, args: Arguments, value: string | undefined): Promise<string> {
  const file = args.text("token-file");
  if (file !== undefined) return readFileSync(file, "utf8").trim();
  if (value === "-") return (await session.streams.input()).trim();
  return needed(value, "set-token (TOKEN | - | --token-file FILE)");
}

function change(session: Session, args: Arguments, values: ContextSettings): number {
  const path = settingsPath(session.env);
  const settings = readSettings(path);
  const name = args.text("context") ?? settings.currentContext;
  writeSettings(path, {
    ...settings,
    contexts: { ...settings.contexts, [name]: { ...settings.contexts[name], ...values } },
  });
  session.print(`Context "${name}" modified.`);
  return 0;
}

function withoutSecrets(path: string): unknown {
  const settings = readSettings(path);
  const contexts = Object.entries(settings.contexts).map(([name, context]) => [
    name,
    { ...context, ...(context.token ? { token: "REDACTED" } : {}) },
  ]);
  return { ...settings, contexts: Object.fromEntries(contexts) };
}
