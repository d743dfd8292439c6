import assert from "node:assert/strict";
import { test } from "node:test";
import { declarationOf } from "./catalog.ts";
import { invalidObject } from "./field-error.ts";
import type { KindName, KubeObject } from "./kinds.ts";

type Fields = Record<string, unknown>;

function object(kind: KindName, fields: Fields): KubeObject {
  const { storage, namespaced } = declarationOf(kind);
  const metadata = { name: "web", ...(namespaced ? { namespace: "default" } : {}), ...(fields["metadata"] as object) };
  return { apiVersion: storage.apiVersion, kind, ...structuredClone(fields), metadata };
}

/** The sentences of a create, after defaulting. */
function errors(kind: KindName, fields: Fields): string[] {
  const declaration = declarationOf(kind);
  const created = object(kind, fields);
  declaration.applyDefaults(created);
  declaration.prepareCreate(created);
  return declaration.validate(created).map(({ field, message }) => `${field}: ${message}`);
}

function updateErrors(kind: KindName, before: Fields, after: Fields): string[] {
  const declaration = declarationOf(kind);
  const previous = object(kind, before);
  const next = object(kind, after);
  for (const each of [previous, next]) declaration.applyDefaults(each);
  declaration.prepareUpdate(next, previous);
  return declaration.validateUpdate(next, previous).map(({ field, message }) => `${field}: ${message}`);
}

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const container = { name: "web", image: "nginx" };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
const deployment = { spec: { selector: { matchLabels: { app: "web" } }, template } };
const pod = (spec: Fields): Fields => ({ spec: { containers: [container], ...spec } });
const inContainer = (fields: Fields): Fields => pod({ containers: [{ ...container, ...fields }] });
const service = (spec: Fields): Fields => ({ spec: { ports: [{ port: 80 }], selector: { app: "web" }, ...spec } });

const cases: [kind: KindName, fields: Fields, want: string[]][] = [
  ["Pod", pod({}), []],
  ["Deployment", deployment, []],
  ["Pod", { ...pod({}), metadata: { name: "Foo" } }, [`metadata.name: Invalid value: "Foo": ${SUBDOMAIN}`]],
  ["Pod", { spec: {} }, ["spec.containers: Required value"]],
  ["Pod", pod({ containers: [{ image: "x" }] }), ["spec.containers[0].name: Required value"]],
  ["Pod", pod({ containers: [{ name: "a" }] }), ["spec.containers[0].image: Required value"]],
  [
    "Pod",
    pod({ containers: [{ name: "A_b", image: "x" }] }),
    [`spec.containers[0].name: Invalid value: "A_b": ${LABEL}`],
  ],
  ["Pod", pod({ containers: [container, container] }), ['spec.containers[1].name: Duplicate value: "web"']],
  [
    "Pod",
    inContainer({ ports: [{ containerPort: 80, protocol: "X" }] }),
    ['spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    "Pod",
    inContainer({ ports: [{ containerPort: 70_000 }] }),
    ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
  ],
  ["Pod", inContainer({ ports: [{}] }), ["spec.containers[0].ports[0].containerPort: Required value"]],
  [
    "Pod",
    inContainer({ volumeMounts: [{ name: "v", mountPath: "/v" }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  ],
  [
    "Pod",
    pod({ volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] }),
    ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
  ],
  [
    "Pod",
    inContainer({ livenessProbe: {} }),
    ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
  ],
  [
    "Pod",
    inContainer({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    "Pod",
    pod({ restartPolicy: "Sometimes" }),
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
  ],
  [
    "Pod",
    inContainer({ imagePullPolicy: "Maybe" }),
    [
      'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
    ],
  ],
  [
    "Pod",
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Is", values: ["b"] }] }],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, podAffinityTerm: { topologyKey: "" } }],
        },
      },
    }),
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value: can not be empty",
    ],
  ],
  [
    "Pod",
    pod({ hostAliases: [{ ip: "x" }] }),
    ['spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    "Deployment",
    { spec: { ...deployment.spec, replicas: -1 } },
    ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
  ],
  [
    "Deployment",
    { spec: { ...deployment.spec, selector: { matchLabels: { app: "x" } } } },
    [
      'spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  ["Deployment", { spec: { template } }, ["spec.selector: Required value"]],
  [
    "Deployment",
    {
      spec: {
        ...deployment.spec,
        template: { ...template, spec: { containers: [container], restartPolicy: "Never" } },
      },
    },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    "Deployment",
    { spec: { ...deployment.spec, strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    "Deployment",
    { spec: { ...deployment.spec, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } } },
    ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
  ],
  ["Service", service({}), []],
  ["Service", { spec: {} }, ["spec.ports: Required value"]],
  [
    "Service",
    service({ type: "X" }),
    ['spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
  ],
  [
    "Service",
    service({ ports: [{ port: 80 }, { port: 81 }] }),
    ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
  ],
  [
    "Service",
    service({ ports: [{ port: 80, nodePort: 30_000 }] }),
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    "Service",
    { ...service({}), metadata: { name: "1web" } },
    [
      `metadata.name: Invalid value: "1web": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  [
    "ConfigMap",
    { data: { "a b": "" } },
    [
      `data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
    ],
  ],
  [
    "ConfigMap",
    { metadata: { labels: { "a b": "c" } } },
    [
      `metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    ],
  ],
  [
    "Secret",
    { type: "kubernetes.io/tls", data: {} },
    ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
  ],
  ["Ingress", { spec: {} }, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]],
  [
    "Ingress",
    {
      spec: {
        rules: [
          {
            http: {
              paths: [{ path: "x", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }],
            },
          },
        ],
      },
    },
    ['spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'],
  ],
  ["StorageClass", {}, ["provisioner: Required value"]],
  ["Job", { spec: { template: { spec: { containers: [container], restartPolicy: "Never" } } } }, []],
  [
    "Job",
    { spec: { template: { spec: { containers: [container] } } } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'],
  ],
  [
    "CronJob",
    {
      spec: {
        schedule: "61 * * * *",
        jobTemplate: { spec: { template: { spec: { containers: [container], restartPolicy: "Never" } } } },
      },
    },
    ['spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61'],
  ],
  [
    "NetworkPolicy",
    { spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
    ["spec.ingress[0].from[0]: Required value: must specify a peer"],
  ],
  ["Role", { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] }, []],
];

for (const [kind, fields, want] of cases) {
  test(`${kind}: ${want[0] ?? `${JSON.stringify(fields).slice(0, 60)} is valid`}`, () => {
    assert.deepEqual(errors(kind, fields), want);
  });
}

test("immutable fields are refused in upstream's words", () => {
  const other = {
    spec: { selector: { matchLabels: { app: "x" } }, template: { ...template, metadata: { labels: { app: "x" } } } },
  };
  assert.deepEqual(updateErrors("Deployment", deployment, other), [
    'spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"app":"x"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable',
  ]);
  assert.deepEqual(updateErrors("Secret", { type: "a" }, { type: "b" }), [
    'type: Invalid value: "b": field is immutable',
  ]);
  assert.deepEqual(
    updateErrors("ConfigMap", { immutable: true, data: { a: "1" } }, { immutable: true, data: { a: "2" } }),
    ["data: Forbidden: field is immutable when `immutable` is set"],
  );
});

test("a pod's update may change images, and nothing else of its spec", () => {
  assert.deepEqual(updateErrors("Pod", pod({}), inContainer({ image: "nginx", imagePullPolicy: "Always" })), []);
  assert.deepEqual(updateErrors("Pod", inContainer({ image: "a:1" }), inContainer({ image: "a:2" })), []);
  const [refusal] = updateErrors("Pod", pod({}), pod({ nodeName: "n2" }));
  assert.match(
    refusal ?? "",
    /^spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/,
  );
});

test("scheduling gates are only ever taken away, and a gated pod's node selector may be narrowed", () => {
  const gated = (...names: string[]) => ({ schedulingGates: names.map((name) => ({ name })) });
  assert.deepEqual(updateErrors("Pod", pod(gated("a/x", "a/y")), pod(gated("a/y"))), []);
  assert.deepEqual(updateErrors("Pod", pod(gated("a/x")), pod({})), []);
  assert.deepEqual(updateErrors("Pod", pod({}), pod(gated("a/x"))), [
    "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate 'a/x'",
  ]);
  const onDisk = { nodeSelector: { disk: "ssd" } };
  assert.deepEqual(updateErrors("Pod", pod(gated("a/x")), pod({ ...gated("a/x"), ...onDisk })), []);
  assert.equal(updateErrors("Pod", pod({ ...gated("a/x"), ...onDisk }), pod(gated("a/x"))).length, 1);
  assert.equal(updateErrors("Pod", pod({}), pod(onDisk)).length, 1);
});

test("a service keeps its address and its node ports when an update leaves them out", () => {
  const before = service({ type: "NodePort", clusterIP: "10.43.0.9", ports: [{ port: 80, nodePort: 30_001 }] });
  const declaration = declarationOf("Service");
  const next = object("Service", service({ type: "NodePort" }));
  declaration.applyDefaults(next);
  declaration.prepareUpdate(next, object("Service", before));
  const spec = next["spec"] as { clusterIP: string; ports: { nodePort: number }[] };
  assert.equal(spec.clusterIP, "10.43.0.9");
  assert.equal(spec.ports[0]?.nodePort, 30_001);
});

test("the answer names every error, with causes", () => {
  const declaration = declarationOf("Deployment");
  const broken = object("Deployment", { spec: { ...deployment.spec, replicas: -1, minReadySeconds: -2 } });
  const found = declaration.validate(broken);
  const error = invalidObject({ kind: "Deployment", group: "apps", name: "web" }, found);
  assert.equal(
    error.message,
    'Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.minReadySeconds: Invalid value: -2: must be greater than or equal to 0]',
  );
  assert.equal(error.code, 422);
  assert.deepEqual(error.details.causes?.[0], {
    reason: "FieldValueInvalid",
    message: "Invalid value: -1: must be greater than or equal to 0",
    field: "spec.replicas",
  });
  const one = invalidObject({ kind: "Pod", group: "", name: "a" }, found.slice(0, 1));
  assert.equal(one.message, 'Pod "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0');
});

test("an endpoint is an address of its type, and none that only the node itself may reach", () => {
  const slice = (address: string, addressType = "IPv4", more: Fields = {}): string[] =>
    errors("EndpointSlice", { addressType, endpoints: [{ addresses: [address] }], ports: [{ port: 80 }], ...more });
  const refused: Readonly<Record<string, RegExp>> = {
    "1.2.3.4 : 80 } ; flush ruleset": /valid IP address/,
    "1.2.3": /valid IP address/,
    "::1": /must be an IPv4 address/,
    "127.0.0.1": /loopback/,
    "169.254.169.254": /link-local range/,
    "0.0.0.0": /unspecified/,
    "224.0.0.1": /multicast/,
  };
  for (const [address, why] of Object.entries(refused)) assert.match(slice(address).join(), why, address);
  for (const address of ["::1", "fe80::1", "::", "::ffff:127.0.0.1"]) {
    assert.notDeepEqual(slice(address, "IPv6"), [], address);
    const subsets = [{ addresses: [{ ip: address }], ports: [{ port: 80 }] }];
    assert.notDeepEqual(errors("Endpoints", { subsets }), [], address);
  }
  assert.deepEqual(slice("10.0.0.1"), []);
  assert.deepEqual(slice("2001:db8::1", "IPv6"), []);
  assert.deepEqual(slice("db.test", "FQDN"), []);
  assert.match(slice("db;test", "FQDN").join(), /RFC 1123/);
  assert.match(slice("10.0.0.1", "IPv4", { ports: [{ port: 99_999 }] }).join(), /ports\[0\].port: .*65535/);
  const labels = { "kubernetes.io/service-name": "kubernetes" };
  assert.deepEqual(slice("127.0.0.1", "IPv4", { metadata: { labels } }), []);
});

test("every cluster address of a service is an address", () => {
  const service = (clusterIPs: string[]): string[] =>
    errors("Service", { spec: { ports: [{ port: 80 }], clusterIP: clusterIPs[0], clusterIPs } });
  assert.deepEqual(service(["10.43.0.9"]), []);
  assert.match(service(["10.43.0.9", "10.43.0.8 . tcp . 1 : drop }"]).join(), /clusterIPs\[1\]: .*valid IP address/);
});

test("what becomes a file of a pod stays in it", () => {
  const pod = (spec: Fields): string =>
    errors("Pod", { spec: { containers: [{ name: "a", image: "a" }], ...spec } }).join();
  const cases: readonly (readonly [Fields, RegExp])[] = [
    [{ dnsConfig: { nameservers: ["1.1.1.1\noptions x"] } }, /nameservers\[0\]: .*valid IP/],
    [{ dnsConfig: { searches: ["a\nnameserver 9.9.9.9"] } }, /searches\[0\]/],
    [{ dnsConfig: { options: [{ name: "a\nb" }] } }, /options\[0\]: .*white space/],
    [{ volumes: [{ name: "x", configMap: { name: "c", items: [{ key: "a", path: "..data/x" }] } }] }, /start with/],
    [{ volumes: [{ name: "x", downwardAPI: { items: [{ path: "../x" }] } }] }, /downwardAPI.items\[0\].path/],
    [
      {
        volumes: [
          { name: "x", projected: { sources: [{ secret: { name: "s", items: [{ key: "a", path: "/x" }] } }] } },
        ],
      },
      /projected.sources\[0\].secret.items\[0\].path: .*relative/,
    ],
  ];
  for (const [spec, why] of cases) assert.match(pod(spec), why);
  const dnsConfig = {
    nameservers: ["1.1.1.1"],
    searches: ["a.test", "b_c.test."],
    options: [{ name: "ndots", value: "2" }],
  };
  assert.equal(pod({ dnsConfig }), "");
});
