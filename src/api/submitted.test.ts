import assert from "node:assert/strict";
import { test } from "node:test";
import { applyPodTemplateDefaults } from "./defaulting/pod-template.ts";
import type { PodTemplateSpec } from "./kinds.ts";
import { submittedTemplate, templateHash } from "./submitted.ts";

const template = (): PodTemplateSpec => ({
  metadata: { labels: { app: "web" } },
  spec: {
    serviceAccountName: "robot",
    hostNetwork: true,
    initContainers: [{ name: "init", image: "busybox@sha256:0" }],
    containers: [
      {
        name: "web",
        image: "registry:5000/nginx",
        ports: [{ containerPort: 80 }],
        env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
        livenessProbe: { httpGet: { port: 80 } },
        lifecycle: { preStop: { httpGet: { port: 80, path: "/bye" } } },
      },
    ],
    volumes: [{ name: "tmp" }, { name: "host", hostPath: { path: "/" } }, { name: "cm", configMap: { name: "c" } }],
  },
});

test("defaulting fills a template in as upstream does", () => {
  const filled = template();
  applyPodTemplateDefaults(filled);
  const spec = filled.spec;
  assert.equal(spec?.restartPolicy, "Always");
  assert.equal(spec?.serviceAccount, "robot");
  assert.deepEqual(spec?.containers[0]?.ports, [{ containerPort: 80, protocol: "TCP", hostPort: 80 }]);
  assert.equal(spec?.containers[0]?.imagePullPolicy, "Always");
  assert.equal(spec?.initContainers?.[0]?.imagePullPolicy, "IfNotPresent");
  assert.deepEqual(spec?.containers[0]?.livenessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(spec?.volumes?.[0], { name: "tmp", emptyDir: {} });
  assert.deepEqual(spec?.volumes?.[2], { name: "cm", configMap: { name: "c", defaultMode: 420 } });
});

test("defaulting twice is defaulting once, and stripping gives back what was submitted", () => {
  const filled = template();
  applyPodTemplateDefaults(filled);
  const twice = structuredClone(filled);
  applyPodTemplateDefaults(twice);
  assert.deepEqual(twice, filled);
  assert.deepEqual(submittedTemplate(filled), template());
});

test("the hash is that of the template as submitted, whatever the order of its keys", () => {
  const filled = template();
  applyPodTemplateDefaults(filled);
  const hash = templateHash(template());
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  assert.equal(templateHash(filled), hash);
  const { metadata, spec } = template();
  assert.equal(templateHash({ ...(spec ? { spec } : {}), ...(metadata ? { metadata } : {}) }), hash);
  const changed = template();
  changed.metadata = { labels: { app: "api" } };
  assert.notEqual(templateHash(changed), hash);
});
