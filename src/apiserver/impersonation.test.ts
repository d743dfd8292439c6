import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason } from "../api/api-error.ts";
import { impersonated } from "./impersonation.ts";

test("only owners may act as others", () => {
  const nobody = { name: "jane", groups: ["system:authenticated"] };
  assert.equal(impersonated(nobody, { host: ["x"] }), nobody);
  assert.throws(
    () => impersonated(nobody, { "impersonate-user": ["root"] }),
    (error) => isReason(error, "Forbidden") && /User "jane" cannot impersonate/.test(error.message),
  );
});
