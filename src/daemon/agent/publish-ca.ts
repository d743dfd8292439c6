import type { Kinds } from "../../api/kinds.ts";
import type { Objects } from "../../api/objects.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";

/** As upstream names it. The controller that gives it to each namespace looks at one when that changes, not the CA. */
const ROOT_CA = "kube-root-ca.crt";

export interface PublishCaDeps {
  readonly objects: Objects;
  readonly authority: ClusterAuthority;
  /** What is to be in it, PEM. */
  readonly rootCa: () => string;
  readonly log: Logger;
}

/** Tells pods of each change of the CAs to believe, until the signal. */
export async function publishCa(
  { objects, authority, rootCa, log }: PublishCaDeps,
  signal: AbortSignal,
): Promise<void> {
  const publish = async (bundle: Kinds["ConfigMap"]): Promise<void> => {
    try {
      await objects.update("ConfigMap", { ...bundle, data: { "ca.crt": rootCa() } });
    } catch (error) {
      // Whoever was faster has written the same, or removed the namespace.
      const namespace = bundle.metadata?.namespace;
      log.warn("Cannot tell a namespace of the cluster's new CA", { namespace, error: describeError(error) });
    }
  };
  let work = Promise.resolve();
  authority.onChange(() => {
    // Nobody waits for it: pods that know only the old CA are shown what leads from it to the new one.
    work = work.then(async () => {
      const bundles = objects.list("ConfigMap").filter(({ metadata }) => metadata?.name === ROOT_CA);
      for (const bundle of bundles) if (bundle.data?.["ca.crt"] !== rootCa()) await publish(bundle);
    });
  }, signal);
  await untilAborted(signal);
  await work;
}
