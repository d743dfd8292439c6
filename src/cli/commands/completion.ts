import { COMMON_FLAGS } from "../arguments.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../usage-error.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
const KINDS =
  "pods deployments services ingresses configmaps secrets namespaces nodes replicasets events endpoints endpointslices serviceaccounts";

/** Completion for the given commands and for itself. */
export function completionOf(others: readonly Command[]): Command {
  const completion: Command = {
    name: "completion",
    summary: "Print a shell's completion script",
    usage: `(${SHELLS.join(" | ")})`,
    examples: ["source <(psctl completion bash)", "psctl completion fish > ~/.config/fish/completions/psctl.fish"],
    words: SHELLS,
    flags: [],
    run: async (session, args) => {
      const [shell] = args.positionals;
      if (shell === "bash") session.streams.out(bash(commands));
      else if (shell === "zsh")
        session.streams.out(`#compdef psctl\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`);
      else if (shell === "fish") session.streams.out(fish(commands));
      else throw new UsageError(`expected one of ${SHELLS.join(", ")}`);
      return 0;
    },
  };
  const commands = [...others, completion];
  return completion;
}

/** The words that may follow a command: its own fixed ones, else kinds, and its flags. */
function wordsAfter(command: Command): string {
  return command.words ? command.words.join(" ") : KINDS;
}

function flagsOf(command: Command): string {
  return [...command.flags, ...COMMON_FLAGS].map((flag) => `--${flag.name}`).join(" ");
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map(
    (command) => `    ${command.name}) words="${wordsAfter(command)}"; flags="${flagsOf(command)}" ;;`,
  );
  return [
    "_psctl() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words flags',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${commands.map((command) => command.name).join(" ")}" -- "$current")); return`,
    "  fi",
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    "  esac",
    '  case "$previous" in -f|--filename|--kubeconfig|--token-file) COMPREPLY=($(compgen -f -- "$current")); return ;; esac',
    '  case "$current" in',
    '    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;',
    "  esac",
    '  if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi',
    '  local names; names=$(psctl get "${COMP_WORDS[2]}" -o name 2>/dev/null | sed "s#.*/##")',
    '  COMPREPLY=($(compgen -W "$names" -- "$current"))',
    "}",
    "complete -F _psctl psctl",
    "",
  ].join("\n");
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c psctl -n __fish_use_subcommand -f -a ${command.name} -d '${command.summary.replaceAll("'", "\\'")}'`,
    `complete -c psctl -n '__fish_seen_subcommand_from ${command.name}' -f -a '${wordsAfter(command)}'`,
    ...[...command.flags, ...COMMON_FLAGS].map(
      (flag) =>
        `complete -c psctl -n '__fish_seen_subcommand_from ${command.name}' -l ${flag.name}${flag.short ? ` -s ${flag.short}` : ""} -d '${flag.meaning.replaceAll("'", "\\'")}'`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
