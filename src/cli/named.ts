import type { Resource } from "../client/discovery.ts";
import type { Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** One kind, with the names asked for; without names, all of that kind. */
export interface Asked {
  readonly resource: Resource;
  readonly name: string | undefined;
}

/**
 * What a command's words mean: `pods`, `pods,services`, `all`, `pod web db`, `pod/web deployment/api`.
 */
export async function askedFor(session: Session, words: readonly string[]): Promise<readonly Asked[]> {
  const [first] = words;
  if (first === undefined)
    throw new UsageError("You must name a kind of resource, such as pods. psctl get --help shows how");
  if (words.some((word) => word.includes("/"))) {
    return await Promise.all(
      words.map(async (word) => {
        const [kind, name, ...more] = word.split("/");
        if (!kind || !name || more.length > 0)
          throw new UsageError(`"${word}": expected KIND/NAME for each, such as pod/web`);
        return { resource: await session.find(kind), name };
      }),
    );
  }
  const resources = await session.findAll(first);
  const names = words.slice(1);
  if (names.length === 0) return resources.map((resource) => ({ resource, name: undefined }));
  return resources.flatMap((resource) => names.map((name) => ({ resource, name })));
}

/** The one object that a command's words name: `deployment/web` or `deployment web`. */
export async function askedForOne(
  session: Session,
  words: readonly string[],
): Promise<{ resource: Resource; name: string }> {
  const [asked, ...more] = await askedFor(session, words);
  if (asked?.name === undefined || more.length > 0) throw new UsageError("Name one object, as KIND/NAME");
  return { resource: asked.resource, name: asked.name };
}
