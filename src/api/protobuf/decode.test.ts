import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { declarations } from "../catalog.ts";
import { definitionOf } from "../schema.ts";
import { decodeAs } from "../validate-schema.ts";
import { decodeProtobuf } from "./decode.ts";
import { messageFields } from "./message-table.ts";

// Written by client-go 0.33's protobuf serializer.
const DEPLOYMENT = [
  "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EoACCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEs4BCAASDAoKCgNh",
  "cHASA3dlYhqmAQocCgASABoAIgAqADIAOABCAFoKCgNhcHASA3dlYhKFAQoLCgN0bXASBBICCgASWgoDd2ViEgVuZ2lueCoAMgoK",
  "ABAAGFAiACoAQg8KDQoDY3B1EgYKBDUwMG1SHQoREg8KAS8SBggAEFAaABoAIgAQABgAIAAoADAAagByAIABAIgBAJABAKIBABoA",
  "MgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiDwoAEgsKCQgBEAAaAzI1JSgAOAAaDAgAEAAYACAAKAA4ABoAIgA=",
].join("");
const SECRET = ["azhzAAoMCgJ2MRIGU2VjcmV0EicKEQoBcxIAGgAiACoAMgA4AEIAEgoKAWESBWhlbGxvGgZPcGFxdWUaACIA"].join("");

test("a Deployment of client-go's serializer decodes to the object it was", () => {
  const object = decodeProtobuf(Buffer.from(DEPLOYMENT, "base64"));
  assert.deepEqual(object, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "web" } },
      strategy: { rollingUpdate: { maxUnavailable: "25%" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          volumes: [{ name: "tmp", emptyDir: {} }],
          containers: [
            {
              name: "web",
              image: "nginx",
              ports: [{ containerPort: 80 }],
              resources: { limits: { cpu: "500m" } },
              livenessProbe: { httpGet: { path: "/", port: 80 } },
            },
          ],
        },
      },
    },
  });
  const target = { kind: "Deployment", version: "v1", schema: "apps.v1.Deployment" };
  assert.deepEqual(decodeAs(target, object).warnings, []);
});

test("a Secret's bytes become base64", () => {
  assert.deepEqual(decodeProtobuf(Buffer.from(SECRET, "base64")), {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    data: { a: "aGVsbG8=" },
    type: "Opaque",
  });
});

test("every declared kind and its list have a message, and every message field is a field of the schema", () => {
  for (const { versions } of declarations) {
    for (const { schema } of versions) {
      for (const name of [schema, `${schema}List`]) {
        const fields = messageFields(name);
        assert.ok(fields, name);
        for (const { name: field } of fields.values())
          assert.ok(definitionOf(name).fields.has(field), `${name}.${field}`);
      }
    }
  }
});

test("bodies that are no protobuf, or of no known kind, are refused", () => {
  const unknown = Buffer.from("6b3873000a0c0a0276391206576964676574", "hex");
  assert.throws(() => decodeProtobuf(Buffer.from("{}")), { reason: "BadRequest", message: /expected prefix 6b387300/ });
  assert.throws(() => decodeProtobuf(unknown), { message: 'no kind "Widget" is registered for version "v9"' });
});

test("no bytes crash or hang the decoder", () => {
  const body = Buffer.from(DEPLOYMENT, "base64");
  const edits = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 8 });
  const attempt = (bytes: Uint8Array): void => {
    try {
      decodeProtobuf(bytes);
    } catch (error) {
      assert.equal((error as { reason?: string }).reason, "BadRequest", String(error));
    }
  };
  fc.assert(
    fc.property(edits, fc.nat(body.length), (changes, cut) => {
      const bytes = Buffer.from(body);
      for (const [at, byte] of changes) if (at >= 4) bytes[at] = byte;
      attempt(bytes);
      attempt(bytes.subarray(0, cut));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => attempt(Buffer.concat([body.subarray(0, 27), tail]))),
  );
});
