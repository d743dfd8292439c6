import { ApiError } from "../../api/api-error.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import type { Requester } from "../admission/admission.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { requestVirtual, type VirtualKind } from "../objects/request-object.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

interface Review extends VirtualKind {
  readonly status: (requester: Requester) => object;
}

/** What an owner may: everything. Roles have their say here once they are enforced. */
const EVERYTHING = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
const EVERY_PATH = [{ verbs: ["*"], nonResourceURLs: ["*"] }];

const REVIEWS: Readonly<Record<string, Review>> = {
  "/apis/authentication.k8s.io/v1/selfsubjectreviews": {
    kind: "SelfSubjectReview",
    version: "v1",
    schema: "authentication.v1.SelfSubjectReview",
    status: ({ name, groups }) => ({ userInfo: { username: name, groups } }),
  },
  "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
    kind: "SelfSubjectAccessReview",
    version: "v1",
    schema: "authorization.v1.SelfSubjectAccessReview",
    status: (requester) =>
      isOwner(requester)
        ? { allowed: true, reason: "the group system:masters may do everything" }
        : { allowed: false, reason: "only the group system:masters has rights yet" },
  },
  "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": {
    kind: "SelfSubjectRulesReview",
    version: "v1",
    schema: "authorization.v1.SelfSubjectRulesReview",
    status: (requester) => ({
      resourceRules: isOwner(requester) ? EVERYTHING : [],
      nonResourceRules: isOwner(requester) ? EVERY_PATH : [],
      incomplete: false,
    }),
  },
};

export function isOwner({ groups }: Requester): boolean {
  return groups.includes("system:masters");
}

/** Answers who the requester is (`kubectl auth whoami`) and what they may do (`kubectl auth can-i`). */
export class Reviews implements Endpoint {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const review = REVIEWS[exchange.path];
    if (!review) return false;
    if (exchange.method !== "POST") throw methodNotAllowed();
    const { requester } = exchange;
    if (!requester) throw new ApiError("Unauthorized", "Unauthorized");
    const body = await requestVirtual(exchange, review);
    await exchange.sendJson(201, {
      kind: review.kind,
      apiVersion: exchange.path.split("/").slice(2, 4).join("/"),
      metadata: { creationTimestamp: timestamp(this.#clock.now()) },
      ...(body?.["spec"] === undefined ? {} : { spec: body["spec"] }),
      status: review.status(requester),
    });
    return true;
  }
}
