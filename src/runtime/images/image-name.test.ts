import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "../../api/kinds.ts";
import { parseImageName } from "./image-name.ts";
import { registryAuth } from "./pull-secrets.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const names: readonly [string, string | undefined, string?][] = [
  ["nginx", "docker.io/library/nginx:latest", "Always"],
  ["nginx:1.27", "docker.io/library/nginx:1.27", "IfNotPresent"],
  ["bitnami/redis", "docker.io/bitnami/redis:latest", "Always"],
  ["localhost/demo:1", "localhost/demo:1", "IfNotPresent"],
  ["registry.example:5000/a/b:latest", "registry.example:5000/a/b:latest", "Always"],
  [`quay.io/a/b@${DIGEST}`, `quay.io/a/b@${DIGEST}`, "IfNotPresent"],
  [`quay.io/a/b:1@${DIGEST}`, `quay.io/a/b@${DIGEST}`, "IfNotPresent"],
  ["Upper", undefined],
  ["a/Upper", undefined],
  ["a b", undefined],
  ["", undefined],
  ["nginx:", undefined],
];

for (const [text, remote, policy] of names) {
  test(`the image name "${text}" is ${remote ?? "refused"}`, () => {
    const name = parseImageName(text);
    assert.equal(name?.remote, remote);
    assert.equal(name?.defaultPolicy, policy);
  });
}

test("the pull secret of the longest matching path is taken", () => {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  const auths = {
    "registry.example": { auth: encode("all:1") },
    "https://registry.example/v2/": { username: "all", password: "1" },
    "registry.example/team": { auth: encode("team:2:3") },
    "https://index.docker.io/v1/": { auth: encode("hub:4") },
  };
  const secrets = [{ data: { ".dockerconfigjson": encode(JSON.stringify({ auths })) } }] as unknown as Secret[];
  const user = (image: string): string | undefined => {
    const name = parseImageName(image);
    assert.ok(name);
    const auth = registryAuth(name, secrets);
    return auth && `${auth.username} ${auth.password}`;
  };
  assert.equal(user("registry.example/team/app"), "team 2:3");
  assert.equal(user("registry.example/other/app"), "all 1");
  assert.equal(user("registry.example/teamwork"), "all 1");
  assert.equal(user("nginx"), "hub 4");
  assert.equal(user("quay.io/a/b"), undefined);
});
