import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryNetwork } from "./memory-network.ts";
import { transportContract } from "./transport.contract.ts";

const endpoint = (port: number): { host: string; port: number } => ({ host: "10.0.0.1", port });

transportContract("in memory", async () => {
  const network = new MemoryNetwork();
  return { a: network.open(endpoint(1)), b: network.open(endpoint(2)), nobody: endpoint(3) };
});

test("two nodes cannot have one endpoint", () => {
  const network = new MemoryNetwork();
  network.open(endpoint(1));
  assert.throws(() => network.open(endpoint(1)), /taken/u);
});
