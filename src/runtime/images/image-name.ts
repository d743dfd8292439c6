/** A reference's shape (distribution/reference): [host[:port]/]path[:tag][@digest]. */
const REFERENCE =
  /^(?<name>(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[a-fA-F0-9]{32,}))?$/;
/** What is neither tagged nor a repository but an image's own id. */
const IMAGE_ID = /^(?:sha256:)?[a-f0-9]{64}$/;

export interface ImageName {
  /** As the container engine is asked for it here: a short name may be a local image's. */
  readonly local: string;
  /** Complete with registry and tag, as it is pulled. */
  readonly remote: string;
  /** The registry's host, for pull secrets. */
  readonly registry: string;
  readonly defaultPolicy: "Always" | "IfNotPresent";
}

/** Undefined for what is no image name. */
export function parseImageName(text: string): ImageName | undefined {
  if (IMAGE_ID.test(text)) return { local: text, remote: text, registry: "", defaultPolicy: "IfNotPresent" };
  const groups = REFERENCE.exec(text)?.groups;
  const name = groups?.["name"];
  if (name === undefined) return undefined;
  const tag = groups?.["tag"];
  const digest = groups?.["digest"];
  const slash = name.indexOf("/");
  const head = slash < 0 ? "" : name.slice(0, slash);
  const hasHost = head.includes(".") || head.includes(":") || head === "localhost" || head !== head.toLowerCase();
  const registry = hasHost ? head : "docker.io";
  const path = hasHost ? name.slice(slash + 1) : slash < 0 ? `library/${name}` : name;
  const suffix = digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`;
  return {
    local: `${name}${suffix}`,
    remote: `${registry}/${path}${suffix}`,
    registry,
    defaultPolicy: digest === undefined && (tag ?? "latest") === "latest" ? "Always" : "IfNotPresent",
  };
}
