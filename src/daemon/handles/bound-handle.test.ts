import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { bindHandle, BindError } from "./bound-handle.ts";
import { parseSocketTable } from "./port-holder.ts";

for (const kind of ["tcp", "udp"] as const) {
  for (const host of ["127.0.0.1", "::1"]) {
    test(`this Node can bind a ${kind} socket on ${host} without serving it`, () => {
      const handle = bindHandle({ name: "x", kind, host, port: 0, to: "agent" });
      assert.ok(handle.fd > 0);
      handle.close();
    });
  }
}

test("a port in use and an address of another host are told by the system's code", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const code = (expected: string) => (error: unknown) => error instanceof BindError && error.code === expected;
  assert.throws(() => bindHandle({ name: "x", kind: "tcp", host: "127.0.0.1", port, to: "agent" }), code("EADDRINUSE"));
  assert.throws(
    () => bindHandle({ name: "x", kind: "tcp", host: "203.0.113.9", port: 0, to: "agent" }),
    code("EADDRNOTAVAIL"),
  );
  await new Promise((resolve) => server.close(resolve));
});

test("the kernel's socket table gives port, owner and inode", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0 20 4 30 10 -1
`;
  assert.deepEqual(parseSocketTable(text), [
    { port: "1F90", uid: "1000", inode: "12345", open: true },
    { port: "1F90", uid: "0", inode: "12346", open: false },
  ]);
});
