export interface AgentPorts {
  readonly api: { readonly host: string; readonly port: number };
  readonly http: { readonly host: string; readonly port: number };
  /** Empty when the ingress is off. */
  readonly ingress: readonly number[];
  /** The cluster port, over TCP and UDP; not looked at where it is absent. */
  readonly cluster?: { readonly host: string; readonly port: number };
}

/** What is asked about the host. */
export interface HostQuestion {
  readonly rootless: boolean;
  readonly dataDir: string;
  readonly podmanSocket: string;
  readonly ports: AgentPorts;
  readonly resolvers: readonly string[];
}

export interface Finding {
  /** `fail`: the agent cannot work; `warn`: something will be missing, and the detail says what. */
  readonly result: "ok" | "warn" | "fail";
  /** What was found, in one line. */
  readonly detail: string;
  /** A command, or a sentence, that mends it. */
  readonly fix?: string;
}

/** Looks at one thing that the product needs from the host, and changes nothing. */
export interface HostProbe {
  readonly name: string;
  run(question: HostQuestion, signal: AbortSignal): Promise<Finding>;
}

export function ok(detail: string): Finding {
  return { result: "ok", detail };
}

export function warn(detail: string, fix: string): Finding {
  return { result: "warn", detail, fix };
}

export function fail(detail: string, fix: string): Finding {
  return { result: "fail", detail, fix };
}
