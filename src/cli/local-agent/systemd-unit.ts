/** The unit under which systemd keeps the agent. */
export const UNIT = "podman-swarm-agent.service";

/**
 * Text of the unit (systemd.service(5)). Only the supervisor is told to stop: it ends its children in order, and
 * containers run on. What the agent refuses to start with does not become better by starting it again (64 and 78).
 */
export function unitText(
  words: readonly string[],
  { rootless, env = {} }: { readonly rootless: boolean; readonly env?: NodeJS.ProcessEnv },
): string {
  return `# Written by psctl. Flags may be changed here; then: systemctl ${rootless ? "--user " : ""}daemon-reload
[Unit]
Description=Podman Swarm agent
${rootless ? "" : "After=network-online.target\nWants=network-online.target\n"}
[Service]
Type=exec
${settings(env)
  .map((line) => `Environment=${quoted(line)}\n`)
  .join("")}ExecStart=${words.map(commandWord).join(" ")}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=64 78
KillMode=process
TimeoutStopSec=30
LimitNOFILE=65536
Delegate=yes

[Install]
WantedBy=${rootless ? "default.target" : "multi-user.target"}
`;
}

/** What psctl's environment says about the agent. Secrets do not belong into a unit, which everyone reads. */
function settings(env: NodeJS.ProcessEnv): string[] {
  const known = Object.entries(env).filter(([name]) => /^PODMAN_SWARM_|^XDG_DATA_HOME$/.test(name));
  return known.filter(([name]) => !/_(?:TOKEN|KEY)$/.test(name)).map(([name, value]) => `${name}=${value}`);
}

/** As systemd reads a word: quoted, without its specifiers. */
function quoted(word: string): string {
  const plain = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%");
  return /^[\w@%+=:,./-]+$/.test(word) ? plain : `"${plain}"`;
}

/** Variables mean something in commands only. */
function commandWord(word: string): string {
  return quoted(word).replaceAll("$", "$$$$");
}
