/** How a flag's text becomes its value. A parser throws an Error that says what is expected. */
export interface Flag {
  readonly name: string;
  readonly value: "string" | "boolean";
  /** Shown in --help. */
  readonly meaning: string;
  readonly shownDefault: string;
  readonly placeholder?: string;
  /** Also readable from a file named by `--NAME-file`, so that the value stays out of the process list. */
  readonly secret?: true;
}

/**
 * Every flag of the agent, in the order of --help. Each is also `PODMAN_SWARM_<NAME>` in the environment, `<NAME>` as a
 * fallback, and NAME in the --config file; flags win over the environment, which wins over the file.
 */
export const FLAGS = [
  { name: "node-name", value: "string", shownDefault: "the host name", meaning: "unique in the cluster" },
  {
    name: "advertise-addr",
    value: "string",
    placeholder: "IP",
    shownDefault: "the address of the default route",
    meaning: "the node's address, as other hosts reach it",
  },
  {
    name: "bind-addr",
    value: "string",
    placeholder: "HOST:PORT",
    shownDefault: "0.0.0.0:7946",
    meaning: "the cluster port, over TCP and UDP: membership and joining",
  },
  {
    name: "join",
    value: "string",
    placeholder: "HOST:PORT,...",
    shownDefault: "none",
    meaning: "cluster ports of any members; members share trust and membership so far, and no objects yet",
  },
  {
    name: "join-token",
    value: "string",
    placeholder: "TOKEN",
    secret: true,
    shownDefault: "none",
    meaning: "what psctl token create prints on a member; needed at the first start with --join",
  },
  {
    name: "encryption-key",
    value: "string",
    placeholder: "BASE64",
    secret: true,
    shownDefault: "made at first start, or the cluster's",
    meaning: "32 bytes that encrypt membership, for a first node that is to use a given key",
  },
  {
    name: "api-addr",
    value: "string",
    placeholder: "HOST:PORT",
    shownDefault: "0.0.0.0:6443",
    meaning: "the Kubernetes API over HTTPS",
  },
  {
    name: "http-addr",
    value: "string",
    placeholder: "HOST:PORT",
    shownDefault: "127.0.0.1:8080",
    meaning: "the same API over plain HTTP, loopback only",
  },
  {
    name: "insecure-http",
    value: "boolean",
    shownDefault: "false",
    meaning: "let --http-addr be an address that other hosts reach",
  },
  {
    name: "enable-api-auth",
    value: "boolean",
    shownDefault: "true",
    meaning: "with false, requests on the loopback HTTP address need no token; HTTPS always does",
  },
  {
    name: "api-token",
    value: "string",
    placeholder: "TOKEN",
    secret: true,
    shownDefault: "made at first start",
    meaning: "the first admin token",
  },
  {
    name: "tls-cert",
    value: "string",
    placeholder: "FILE",
    shownDefault: "one of the cluster's own CA",
    meaning: "your own certificate for the API, in PEM, with what leads to its CA; read again when it changes",
  },
  { name: "tls-key", value: "string", placeholder: "FILE", shownDefault: "none", meaning: "the key of --tls-cert" },
  {
    name: "tls-ca",
    value: "string",
    placeholder: "FILE",
    shownDefault: "the CAs of the client's system",
    meaning: "the CA of --tls-cert, which the owner's kubeconfig believes then",
  },
  {
    name: "tls-skip-verify",
    value: "boolean",
    shownDefault: "false",
    meaning:
      "warn where --tls-cert is over, not for servers or not of --tls-ca, instead of refusing it; clients and members verify as ever",
  },
  {
    name: "cors-origins",
    value: "string",
    placeholder: "ORIGIN,...",
    shownDefault: "none",
    meaning: "web origins that may call the API",
  },
  {
    name: "data-dir",
    value: "string",
    placeholder: "DIR",
    shownDefault: "/var/lib/podman-swarm; as a user $XDG_DATA_HOME/podman-swarm",
    meaning: "state, keys and backups, kept with mode 0700",
  },
  {
    name: "unlock-passphrase-file",
    value: "string",
    placeholder: "FILE",
    shownDefault: "none",
    meaning:
      "holds the passphrase that locks the secrets and private keys on disk (- for the standard input); the first start " +
      "with it locks them. Where they are locked and it is absent, a terminal is asked",
  },
  {
    name: "unlock-for-good",
    value: "boolean",
    shownDefault: "false",
    meaning: "with the passphrase: unlock what it locks, so that no start needs it any more",
  },
  {
    name: "podman-socket",
    value: "string",
    placeholder: "PATH",
    shownDefault: "the system's or the user's socket",
    meaning: "Podman's API socket; the agent starts the service where nothing listens",
  },
  { name: "enable-ingress", value: "boolean", shownDefault: "true", meaning: "serve Ingress objects on this node" },
  { name: "ingress-port", value: "string", placeholder: "PORT", shownDefault: "80", meaning: "the ingress over HTTP" },
  {
    name: "ingress-tls-port",
    value: "string",
    placeholder: "PORT",
    shownDefault: "443",
    meaning: "the ingress over HTTPS",
  },
  {
    name: "dns-port",
    value: "string",
    placeholder: "PORT",
    shownDefault: "53",
    meaning: "DNS in the pods' network, besides 53 where it is another",
  },
  {
    name: "cluster-domain",
    value: "string",
    placeholder: "DOMAIN",
    shownDefault: "cluster.local",
    meaning: "the zone of services' and pods' names",
  },
  {
    name: "upstream-dns",
    value: "string",
    placeholder: "IP:PORT,...",
    shownDefault: "the host's resolvers",
    meaning: "asked for all other names",
  },
  { name: "pod-cidr", value: "string", placeholder: "CIDR", shownDefault: "10.42.0.0/16", meaning: "pods' addresses" },
  {
    name: "service-cidr",
    value: "string",
    placeholder: "CIDR",
    shownDefault: "10.43.0.0/16",
    meaning: "services' virtual addresses",
  },
  { name: "labels", value: "string", placeholder: "K=V,...", shownDefault: "none", meaning: "labels of the node" },
  {
    name: "log-level",
    value: "string",
    placeholder: "LEVEL",
    shownDefault: "info",
    meaning: "debug, info, warn or error",
  },
  {
    name: "log-format",
    value: "string",
    placeholder: "FORMAT",
    shownDefault: "text on a terminal, else json",
    meaning: "text or json",
  },
] as const satisfies readonly Flag[];

export type FlagName = (typeof FLAGS)[number]["name"];

export function environmentName(flag: string): string {
  return flag.toUpperCase().replaceAll("-", "_");
}

/** The text of `podman-swarm-agent --help`. */
export function helpText(): string {
  const rows = FLAGS.map((flag: Flag) => {
    const left = flag.value === "boolean" ? `--${flag.name}` : `--${flag.name}=${flag.placeholder ?? "VALUE"}`;
    return `  ${left.padEnd(30)} ${flag.meaning} (default: ${flag.shownDefault})`;
  });
  return [
    "podman-swarm-agent runs one node of a Podman Swarm cluster.",
    "",
    "Usage: podman-swarm-agent [flags]",
    "",
    ...rows,
    `  ${"--config=FILE".padEnd(30)} the same names as YAML; flags and environment win over it`,
    `  ${"--version".padEnd(30)} print the version`,
    `  ${"--help".padEnd(30)} print this`,
    "",
    "Each flag is also read from the environment, as PODMAN_SWARM_<NAME> or <NAME>. A secret is also read from the file",
    "that --<NAME>-file names.",
    "",
  ].join("\n");
}
