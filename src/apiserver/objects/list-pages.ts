import { ApiError } from "../../api/api-error.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { Entry } from "../../store/port.ts";

/** How long a started list can be continued consistently; upstream's compaction leaves five minutes too. */
const KEEP_MS = 5 * 60_000;
/** A snapshot only refers to versions that were alive when it was taken, so this many cost little. */
const KEEP_SNAPSHOTS = 200;

interface Snapshot {
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  readonly expires: number;
}

interface Token {
  readonly v: "swarm/v1";
  /** The snapshot's id; absent in a token that continues on the current state. */
  readonly id?: string;
  /** The last object that was given: `namespace/name`. */
  readonly after: string;
}

export interface Page {
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remaining?: number;
}

export interface PageRequest {
  readonly limit: number;
  readonly token: string | undefined;
}

/** Cuts lists into pages that all show the state of the first one. */
export class ListPages {
  readonly #deps: { readonly clock: Clock; readonly random: Random };
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(deps: { readonly clock: Clock; readonly random: Random }) {
    this.#deps = deps;
  }

  /** `current` gives the filtered list as it is now; it is not called where a snapshot continues. */
  page(current: () => Omit<Snapshot, "expires">, { limit, token }: PageRequest): Page {
    const parsed = token === undefined ? undefined : parseToken(token);
    const source = parsed ? this.#continued(parsed, current) : current();
    const start = parsed ? firstAfter(source.entries, parsed.after) : 0;
    const end = limit > 0 ? Math.min(start + limit, source.entries.length) : source.entries.length;
    const entries = start === 0 && end === source.entries.length ? source.entries : source.entries.slice(start, end);
    const last = entries.at(-1);
    if (end === source.entries.length || !last) return { entries, resourceVersion: source.resourceVersion };
    const id = parsed?.id ?? this.#keep(source);
    return {
      entries,
      resourceVersion: source.resourceVersion,
      continue: encodeToken({ v: "swarm/v1", id, after: position(last) }),
      remaining: source.entries.length - end,
    };
  }

  #continued(token: Token, current: () => Omit<Snapshot, "expires">): Omit<Snapshot, "expires"> {
    if (token.id === undefined) return current();
    const snapshot = this.#snapshots.get(token.id);
    if (snapshot && snapshot.expires > this.#deps.clock.now()) return snapshot;
    this.#snapshots.delete(token.id);
    throw new ExpiredPage(encodeToken({ v: "swarm/v1", after: token.after }));
  }

  #keep(source: Omit<Snapshot, "expires">): string {
    const now = this.#deps.clock.now();
    for (const [id, { expires }] of this.#snapshots) {
      if (expires > now && this.#snapshots.size < KEEP_SNAPSHOTS) break;
      this.#snapshots.delete(id);
    }
    const id = this.#deps.random.uuid();
    this.#snapshots.set(id, { ...source, expires: now + KEEP_MS });
    return id;
  }
}

/** 410 with a token in `metadata.continue` that goes on with the current state, as upstream gives it. */
export class ExpiredPage extends ApiError {
  readonly continue: string;

  constructor(token: string) {
    super(
      "Expired",
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    this.continue = token;
  }

  override toStatus(): ReturnType<ApiError["toStatus"]> {
    return { ...super.toStatus(), metadata: { continue: this.continue } };
  }
}

function position({ key }: Entry): string {
  return `${key.namespace}/${key.name}`;
}

/** The same order as the store's: by namespace, then name. */
function firstAfter(entries: readonly Entry[], after: string): number {
  const slash = after.indexOf("/");
  const [namespace, name] = [after.slice(0, slash), after.slice(slash + 1)];
  const index = entries.findIndex(
    ({ key }) => key.namespace > namespace || (key.namespace === namespace && key.name > name),
  );
  return index < 0 ? entries.length : index;
}

function encodeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function parseToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Partial<Token>;
    if (token.v === "swarm/v1" && typeof token.after === "string" && token.after.includes("/")) return token as Token;
  } catch (error) {
    throw invalidToken(error);
  }
  throw invalidToken(undefined);
}

function invalidToken(cause: unknown): ApiError {
  return new ApiError("BadRequest", "continue key is not valid", {}, { cause });
}
