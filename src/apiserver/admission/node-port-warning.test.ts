import assert from "node:assert/strict";
import { test } from "node:test";
import { declarationOf } from "../../api/catalog.ts";
import { systemClock } from "../../lib/clock.ts";
import { systemRandom } from "../../lib/random.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { openRegistry } from "../open-registry.ts";

for (const servesNodePorts of [true, false]) {
  test(`node ports are ${servesNodePorts ? "silently served" : "warned of once where nothing opens them"}`, async () => {
    const deps = { store: openMemoryStore(), clock: systemClock, random: systemRandom };
    const { registry, objects } = openRegistry(deps, { servesNodePorts });
    await objects.create("Namespace", { metadata: { name: "default" } });
    const warnings: string[] = [];
    const warn = (sentence: string): void => void warnings.push(sentence);
    const kind = declarationOf("Service");
    const metadata = { name: "web", namespace: "default" };
    const service = (type: string, port: number) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata },
      spec: { type, ports: [{ port }] },
    });
    await registry.create(kind, service("ClusterIP", 80), { warn });
    assert.deepEqual(warnings, []);
    await registry.update(kind, metadata, () => service("NodePort", 80), { warn });
    await registry.update(kind, metadata, () => service("NodePort", 81), { warn });
    const sentence = "spec.type: NodePort: this node runs without root and does not open node ports on the host yet";
    assert.deepEqual(warnings, servesNodePorts ? [] : [sentence]);
  });
}
