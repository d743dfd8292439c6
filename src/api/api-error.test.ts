import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "./api-error.ts";

test("an ApiError is the Status that kubectl prints", () => {
  const error = new ApiError("NotFound", 'pods "web" not found', { name: "web", kind: "pods" });
  assert.deepEqual(error.toStatus(), {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'pods "web" not found',
    reason: "NotFound",
    details: { name: "web", kind: "pods" },
    code: 404,
  });
});
