import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { ApiClient } from "../client/api-client.ts";
import type { Connection } from "../client/connection.ts";
import { discover, findResources, type Resource } from "../client/discovery.ts";
import { readKubeconfig } from "../client/kubeconfig.ts";
import { findRunningAgent } from "../lib/host/running-agent.ts";
import type { Arguments } from "./command.ts";
import { readSettings, settingsPath } from "./settings.ts";
import { readPath, readSecretFile } from "./read-path.ts";
import { UsageError } from "./usage-error.ts";

/** Where a command reads and writes; a test passes its own. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly input: () => Promise<string>;
  /** Asks at the terminal without showing what is typed; absent where nobody can be asked. */
  readonly ask?: (question: string) => Promise<string>;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
}

export interface SessionDeps {
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** One invocation: the connection (made on first use), the namespace and the streams. */
export class Session {
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly #args: Arguments;
  #client: ApiClient | undefined;
  #target: Target | undefined;
  #running: string | undefined;
  #resources: readonly Resource[] | undefined;

  constructor({ streams, env, signal }: SessionDeps, args: Arguments) {
    this.streams = streams;
    this.env = env;
    this.signal = signal;
    this.#args = args;
  }

  /** Looks for an agent of this user on this host: its kubeconfig goes before those that may be left over. */
  async lookAround(): Promise<void> {
    const running = await findRunningAgent();
    this.#running = running && join(running.dataDir, "kubeconfig");
  }

  /** Where an agent of this host writes its owner's kubeconfig, the likeliest first. */
  get ownerKubeconfigs(): readonly string[] {
    return [...(this.#running === undefined ? [] : [this.#running]), ...ownerKubeconfigs(this.env)];
  }

  get target(): Target {
    this.#target ??= findTarget(this.#args, this.env, this.#running);
    return this.#target;
  }

  /** From now on, asks the server that this file names. */
  useKubeconfig(path: string): void {
    const { connection, namespace } = readKubeconfig(path);
    this.#target = { connection, namespace, origin: path };
  }

  get client(): ApiClient {
    this.#client ??= new ApiClient(this.target.connection, {
      onWarning: (text) => this.streams.err(`Warning: ${text}\n`),
    });
    return this.#client;
  }

  get namespace(): string {
    return this.#args.text("namespace") ?? this.env["PSCTL_NAMESPACE"] ?? this.target.namespace ?? "default";
  }

  print(line: string): void {
    this.streams.out(`${line}\n`);
  }

  async resources(): Promise<readonly Resource[]> {
    this.#resources ??= await discover(this.client, this.signal);
    return this.#resources;
  }

  /** The kinds that a word means; many for a category such as `all` and for `pods,services`. */
  async findAll(words: string): Promise<readonly Resource[]> {
    const resources = await this.resources();
    return words.split(",").flatMap((word) => {
      const found = findResources(resources, word);
      if (found.length === 0) throw new UsageError(`the server doesn't have a resource type "${word}"`);
      return found;
    });
  }

  async find(word: string): Promise<Resource> {
    const [first, ...more] = await this.findAll(word);
    if (!first || more.length > 0) throw new UsageError(`"${word}" means several kinds; name one`);
    return first;
  }

  close(): void {
    this.#client?.close();
  }
}

/** Where this invocation goes, and why there (for `config get-location` and errors). */
export interface Target {
  readonly connection: Connection;
  readonly namespace: string | undefined;
  readonly origin: string;
}

/**
 * Flags, then PSCTL_SERVER and PSCTL_TOKEN, then ~/.psctl/config, then KUBECONFIG, then what the agent on this very node has
 * left for its owner, and last the loopback address without a token.
 */
function findTarget(args: Arguments, env: NodeJS.ProcessEnv, running: string | undefined): Target {
  const kubeconfig = args.text("kubeconfig");
  if (kubeconfig !== undefined) return targetOfKubeconfig(kubeconfig, args);
  const path = settingsPath(env);
  const settings = readSettings(path);
  const context = settings.contexts[settings.currentContext] ?? {};
  const server = args.text("server") ?? (env["PSCTL_SERVER"] || context.server);
  const caFile = args.text("certificate-authority") ?? env["PSCTL_CA"];
  const ca = caFile === undefined ? context.certificateAuthority : readPath(caFile, () => readFileSync(caFile, "utf8"));
  const token = tokenOf(args, env) ?? context.token;
  if (server !== undefined) {
    const origin = args.text("server")
      ? "--server"
      : env["PSCTL_SERVER"]
        ? "PSCTL_SERVER"
        : `context "${settings.currentContext}" in ${path}`;
    const connection = { server: checkedServer(server), ...(token ? { token } : {}), ...(ca ? { ca } : {}) };
    return { connection, namespace: context.namespace, origin };
  }
  const own = [env["KUBECONFIG"], running, ...ownerKubeconfigs(env)].flatMap((file) => (file ? [file] : []));
  for (const file of own) {
    try {
      const found = readKubeconfig(file);
      const connection = token === undefined ? found.connection : { ...serverOf(found.connection), token };
      return { connection, namespace: context.namespace ?? found.namespace, origin: file };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOENT" && code !== "EACCES" && code !== "ENOTDIR") throw error;
    }
  }
  return {
    connection: { server: "http://127.0.0.1:8080", ...(token ? { token } : {}) },
    namespace: context.namespace,
    origin: "the default, as nothing is configured",
  };
}

/** What the other flags say replaces that part of the file. */
function targetOfKubeconfig(path: string, args: Arguments): Target {
  const { connection, namespace } = readPath(path, () => readKubeconfig(path));
  const server = args.text("server");
  const caFile = args.text("certificate-authority");
  const token = tokenOf(args, {});
  const ca = caFile === undefined ? connection.ca : readPath(caFile, () => readFileSync(caFile, "utf8"));
  const { server: _, serverName: __, ...others } = connection;
  // The name in the file is that of the file's server.
  const place = server === undefined ? serverOf(connection) : { server: checkedServer(server) };
  return {
    connection: { ...(token === undefined ? others : { token }), ...place, ...(ca ? { ca } : {}) },
    namespace,
    origin: server === undefined ? `--kubeconfig ${path}` : "--server",
  };
}

/** Where the server is, and how it is checked. */
function serverOf({ server, ca, serverName }: Connection): Connection {
  return { server, ...(ca ? { ca } : {}), ...(serverName ? { serverName } : {}) };
}

function tokenOf(args: Arguments, env: NodeJS.ProcessEnv): string | undefined {
  const file = args.text("token-file") ?? env["PSCTL_TOKEN_FILE"];
  if (file !== undefined) return readSecretFile(file);
  return args.text("token") ?? env["PSCTL_TOKEN"];
}

function checkedServer(server: string): string {
  const text = server.includes("://") ? server : `https://${server}`;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`Cannot use the server ${JSON.stringify(server)}: expected https://HOST:PORT`);
  }
  return text.replace(/\/+$/, "");
}

/** Where an agent on this node writes its owner's kubeconfig. */
function ownerKubeconfigs(env: NodeJS.ProcessEnv): readonly string[] {
  const own = join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"), "podman-swarm/kubeconfig");
  const dataDir = env["PODMAN_SWARM_DATA_DIR"];
  return [
    ...(dataDir ? [join(dataDir, "kubeconfig")] : []),
    ...(userInfo().uid === 0 ? [] : [own]),
    "/var/lib/podman-swarm/kubeconfig",
  ];
}
