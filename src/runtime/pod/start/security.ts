import type { Container, Pod } from "../../../api/kinds.ts";
import type { ContainerSecurity, ImageFacts } from "../../runtime-port.ts";
import { configError } from "../pod-error.ts";

/** The container's rights, from its own and the pod's securityContext. Throws where runAsNonRoot cannot be kept. */
export function containerSecurity(pod: Pod, container: Container, image: ImageFacts): ContainerSecurity {
  const ofPod = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const uid = own.runAsUser ?? ofPod.runAsUser;
  const gid = own.runAsGroup ?? ofPod.runAsGroup;
  if (own.runAsNonRoot ?? ofPod.runAsNonRoot) checkNonRoot(uid, { pod, container, image });
  const groups = [...(ofPod.supplementalGroups ?? []), ...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup])];
  const selinux = own.seLinuxOptions ?? ofPod.seLinuxOptions ?? {};
  return {
    user: userText(uid, gid, image),
    groups: groups.map(String),
    privileged: own.privileged ?? false,
    capAdd: (own.capabilities?.add ?? []).map(capability),
    capDrop: (own.capabilities?.drop ?? []).map(capability),
    readOnlyRoot: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    seccompUnconfined: (own.seccompProfile ?? ofPod.seccompProfile)?.type === "Unconfined",
    selinux: Object.entries(selinux).map(([key, value]) => `${key}:${value}`),
  };
}

function userText(uid: number | undefined, gid: number | undefined, image: ImageFacts): string | undefined {
  if (uid === undefined && gid === undefined) return undefined;
  const user = uid === undefined ? image.user.split(":")[0] || "0" : String(uid);
  return gid === undefined ? user : `${user}:${gid}`;
}

/** Podman takes `CAP_NET_ADMIN` and `ALL`; Kubernetes writes `NET_ADMIN`. */
function capability(name: string): string {
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

function checkNonRoot(
  uid: number | undefined,
  { pod, container, image }: { pod: Pod; container: Container; image: ImageFacts },
): void {
  const { name, namespace, uid: podUid } = pod.metadata ?? {};
  const where = `(pod: "${name}_${namespace}(${podUid})", container: ${container.name})`;
  if (uid === 0) throw configError(`container's runAsUser breaks non-root policy ${where}`);
  if (uid !== undefined) return;
  const user = image.user.split(":")[0] ?? "";
  if (user === "" || user === "0" || user === "root") {
    throw configError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (!/^\d+$/.test(user)) {
    throw configError(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    );
  }
}
