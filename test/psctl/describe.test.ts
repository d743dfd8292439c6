import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import type { KindName, Kinds, KubeObject } from "../../src/api/kinds.ts";
import { describeAny } from "../../src/cli/describe/describe-any.ts";
import { describeConfigMap, describeSecret, describeServiceAccount } from "../../src/cli/describe/describe-data.ts";
import { describeEndpoints, describeEndpointSlice } from "../../src/cli/describe/describe-endpoints.ts";
import { describeIngress, describeService } from "../../src/cli/describe/describe-network.ts";
import { describeNode } from "../../src/cli/describe/describe-node.ts";
import { describePod } from "../../src/cli/describe/describe-pod.ts";
import { describeDeployment, describeReplicas } from "../../src/cli/describe/describe-workload.ts";
import { printDescription, type Lines } from "../../src/cli/describe/description.ts";

// Taken from one running node: its objects, and what kubectl 1.33 describes them as, without their Events. Kubectl shows
// the keys of a Secret in any order; here they are sorted.
const golden = join(import.meta.dirname, "golden");
const { now, objects } = JSON.parse(readFileSync(join(golden, "objects.json"), "utf8")) as {
  readonly now: number;
  readonly objects: readonly KubeObject[];
};
const texts = readFileSync(join(golden, "described.txt"), "utf8")
  .split(/^##### /m)
  .slice(1)
  .map((text) => ({ title: text.slice(0, text.indexOf("\n")), expected: text.slice(text.indexOf("\n") + 1) }));

function all<K extends KindName>(kind: K): Kinds[K][] {
  return objects.filter((object) => object.kind === kind) as unknown as Kinds[K][];
}

function ownedBy<T extends { readonly metadata?: KubeObject["metadata"] }>(list: readonly T[], uid?: string): T[] {
  return list.filter(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid));
}

const slicesOf = (service: string): Kinds["EndpointSlice"][] =>
  all("EndpointSlice").filter(({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === service);

function linesOf(object: KubeObject): Lines {
  const as = <K extends KindName>(): Kinds[K] => object as unknown as Kinds[K];
  const { name = "", uid } = object.metadata;
  switch (object.kind) {
    case "Deployment":
      return describeDeployment(as<"Deployment">(), ownedBy(all("ReplicaSet"), uid));
    case "ReplicaSet":
    case "ReplicationController":
      return describeReplicas(as<"ReplicaSet">(), ownedBy(all("Pod"), uid));
    case "Pod":
      return describePod(as<"Pod">(), now);
    case "Service":
      return describeService(as<"Service">(), slicesOf(name));
    case "Ingress":
      return describeIngress(as<"Ingress">(), { services: all("Service"), slices: all("EndpointSlice") });
    case "Endpoints":
      return describeEndpoints(as<"Endpoints">());
    case "EndpointSlice":
      return describeEndpointSlice(as<"EndpointSlice">());
    case "ConfigMap":
      return describeConfigMap(as<"ConfigMap">());
    case "Secret":
      return describeSecret(as<"Secret">());
    case "ServiceAccount":
      return describeServiceAccount(as<"ServiceAccount">());
    case "Node": {
      const pods = all("Pod").filter(({ spec }) => spec?.nodeName === name);
      return describeNode(as<"Node">(), { pods, lease: all("Lease")[0], now });
    }
    default:
      return describeAny(object);
  }
}

before(() => {
  // Times are shown in the machine's zone.
  process.env["TZ"] = "UTC";
});

for (const { title, expected } of texts) {
  test(`${title} is described as kubectl does`, () => {
    const [kind, name] = title.split("/");
    const object = objects.find((one) => one.kind === kind && one.metadata.name === name);
    assert.ok(object !== undefined);
    assert.equal(printDescription(linesOf(object)), expected);
  });
}
