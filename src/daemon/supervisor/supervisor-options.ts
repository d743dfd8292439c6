import type { NetworkSocketSpec, SocketSpec } from "../handles/socket-spec.ts";

export interface ChildCommand {
  readonly name: "agent" | "dataplane";
  /** The program, with any wrapper in front already joined in: `podman unshare --rootless-netns ... node main.js`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Written to its standard input at each start, for what may stand in no command line and no file. */
  readonly input?: string;
  /** The user whose identity the child takes after it has loaded its code. */
  readonly dropTo?: { readonly uid: number; readonly gid: number };
}

export interface SupervisorOptions {
  /** Locked for the supervisor's lifetime; must exist. */
  readonly dataDir: string;
  /** Refuse to run beside another supervisor of this user on this host. */
  readonly alone?: boolean;
  readonly sockets: readonly SocketSpec[];
  /** Bound and let go of at the start: a child binds them itself, and could not say as well that they are taken. */
  readonly probed?: readonly NetworkSocketSpec[];
  readonly agent: ChildCommand;
  readonly dataplane: ChildCommand;
  /** How long a child may take to stop before it is killed, in milliseconds. */
  readonly stopMs?: number;
}
