import type { PodTemplateSpec } from "../../api/kinds.ts";

type Json = Readonly<Record<string, unknown>>;

/** A value that says nothing, because it is what the server fills in for a field that is left out. */
type Default = string | number | boolean | ((owner: Json) => unknown);

interface Shape {
  readonly defaults?: Readonly<Record<string, Default>>;
  /** Fields that are objects, or lists of objects, with defaults of their own; "*" stands for every field. */
  readonly fields?: Readonly<Record<string, Shape>>;
}

const HTTP_GET: Shape = { defaults: { path: "/", scheme: "HTTP" } };
const PROBE: Shape = {
  defaults: { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  fields: { httpGet: HTTP_GET, grpc: { defaults: { service: "" } } },
};
const HANDLER: Shape = { fields: { httpGet: HTTP_GET } };
const FIELD_REF: Shape = { defaults: { apiVersion: "v1" } };
const ITEMS: Shape = { fields: { fieldRef: FIELD_REF, resourceFieldRef: { defaults: { divisor: "0" } } } };

/** Upstream defaults a resource's request to its limit. */
const REQUESTS_OF_LIMITS = (resources: Json): Json => {
  const limits = (resources["limits"] ?? {}) as Json;
  const requests = Object.entries((resources["requests"] ?? {}) as Json).filter(
    ([name, value]) => limits[name] !== value,
  );
  return { ...resources, requests: Object.fromEntries(requests) };
};

const CONTAINER: Shape = {
  defaults: {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: ({ image }) => defaultPullPolicy(image),
  },
  fields: {
    ports: { defaults: { protocol: "TCP" } },
    env: { fields: { valueFrom: ITEMS } },
    livenessProbe: PROBE,
    readinessProbe: PROBE,
    startupProbe: PROBE,
    lifecycle: { fields: { postStart: HANDLER, preStop: HANDLER } },
    securityContext: { defaults: { procMount: "Default" } },
  },
};

const FILES: Shape = { defaults: { defaultMode: 0o644 } };
const VOLUME: Shape = {
  fields: {
    secret: FILES,
    configMap: FILES,
    downwardAPI: { ...FILES, fields: { items: ITEMS } },
    projected: {
      ...FILES,
      fields: {
        sources: {
          fields: {
            serviceAccountToken: { defaults: { expirationSeconds: 3600 } },
            downwardAPI: { fields: { items: ITEMS } },
          },
        },
      },
    },
    hostPath: { defaults: { type: "" } },
    iscsi: { defaults: { iscsiInterface: "default" } },
    rbd: { defaults: { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" } },
    azureDisk: { defaults: { cachingMode: "ReadWrite", fsType: "ext4", readOnly: false, kind: "Shared" } },
    scaleIO: { defaults: { storageMode: "ThinProvisioned", fsType: "xfs" } },
    ephemeral: {
      fields: { volumeClaimTemplate: { fields: { spec: { defaults: { volumeMode: "Filesystem" } } } } },
    },
  },
};

const POD: Shape = {
  defaults: {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    // Upstream keeps the old name of this field beside the new one.
    serviceAccount: ({ serviceAccountName }) => serviceAccountName,
  },
  fields: {
    containers: CONTAINER,
    initContainers: CONTAINER,
    volumes: VOLUME,
    topologySpreadConstraints: { defaults: { nodeAffinityPolicy: "Honor", nodeTaintsPolicy: "Ignore" } },
  },
};

/**
 * A template without what the server fills in, and without empty maps and lists. A default that a newer version adds, and
 * that is added here with it, so rolls out nothing. The rules are upstream's `SetDefaults_...` of core/v1.
 */
export function asSubmitted(template: PodTemplateSpec): Json {
  return prune(template as unknown as Json, { fields: { spec: POD } }) as Json;
}

function prune(value: unknown, shape: Shape | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => prune(item, shape) ?? {});
  if (typeof value !== "object" || value === null) return value;
  const owner = value as Json;
  const kept = Object.entries(owner)
    .map(([name, item]): [string, unknown] => {
      const inner = name === "resources" ? REQUESTS_OF_LIMITS((item ?? {}) as Json) : item;
      return [name, prune(inner, shape?.fields?.[name])];
    })
    .filter(([name, item]) => {
      const known = shape?.defaults?.[name];
      return !says(name, item) || (known !== undefined && item === (typeof known === "function" ? known(owner) : known))
        ? false
        : name !== "creationTimestamp";
    });
  return Object.fromEntries(kept);
}

/** Maps that say nothing when they are empty. Others do: `emptyDir: {}` is a volume. */
const EMPTY = new Set([
  "annotations",
  "labels",
  "metadata",
  "resources",
  "requests",
  "limits",
  "nodeSelector",
  "securityContext",
]);

function says(name: string, item: unknown): boolean {
  if (item === undefined || item === null) return false;
  if (Array.isArray(item)) return item.length > 0;
  return !EMPTY.has(name) || Object.keys(item as Json).length > 0;
}

function defaultPullPolicy(image: unknown): string {
  if (typeof image !== "string") return "Always";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const latest = !image.includes("@") && (!name.includes(":") || name.endsWith(":latest"));
  return latest ? "Always" : "IfNotPresent";
}
