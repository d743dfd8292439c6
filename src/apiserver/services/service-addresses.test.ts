import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason } from "../../api/api-error.ts";
import type { Service } from "../../api/kinds.ts";
import { systemClock } from "../../lib/clock.ts";
import { systemRandom } from "../../lib/random.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { openRegistry } from "../open-registry.ts";
import { AddressRange } from "./address-range.ts";
import type { ServiceSpec } from "./carry-over.ts";

async function setUp(serviceCidr = "10.43.0.0/16") {
  const { objects } = openRegistry(
    { store: openMemoryStore(), clock: systemClock, random: systemRandom },
    { serviceCidr },
  );
  await objects.create("Namespace", { metadata: { name: "default" } });
  const create = (name: string, spec: ServiceSpec): Promise<Service> =>
    objects.create("Service", { metadata: { namespace: "default", name }, spec: { ports: [{ port: 80 }], ...spec } });
  return { objects, create };
}

const invalid = (message: RegExp) => (error: unknown) => isReason(error, "Invalid") && message.test(error.message);

test("every service has an address of its own, also when many are made at once", async () => {
  const { create, objects } = await setUp("10.43.0.0/28");
  const made = await Promise.all(Array.from({ length: 14 }, (_, n) => create(`s${n}`, {})));
  const addresses = made.map(({ spec }) => spec?.clusterIP);
  assert.equal(new Set(addresses).size, 14);
  assert.ok(made.every(({ spec }) => spec?.clusterIPs?.[0] === spec?.clusterIP));
  await assert.rejects(create("full", {}), invalid(/range 10\.43\.0\.0\/28 is full/));
  await objects.delete("Service", { namespace: "default", name: "s3" });
  assert.equal((await create("again", {})).spec?.clusterIP, addresses[3]);
});

const askedAddresses = [
  {
    title: "outside of the range",
    clusterIP: "10.44.0.1",
    message: /the provided IP \(10\.44\.0\.1\) is not in the valid range/,
  },
  { title: "taken", clusterIP: "10.43.0.9", message: /provided IP is already allocated/ },
];
for (const { title, clusterIP, message } of askedAddresses) {
  test(`an address that is ${title} is refused`, async () => {
    const { create } = await setUp();
    await create("first", { clusterIP: "10.43.0.9" });
    await assert.rejects(create("second", { clusterIP }), invalid(message));
  });
}

test("headless services and external names get no address", async () => {
  const { create } = await setUp();
  assert.deepEqual((await create("headless", { clusterIP: "None" })).spec?.clusterIPs, ["None"]);
  const external = await create("external", { type: "ExternalName", externalName: "example.com" });
  assert.equal(external.spec?.clusterIP ?? "", "");
});

test("node ports are given, checked, kept over updates and freed with the type", async () => {
  const { create, objects } = await setUp();
  const made = await create("a", { type: "NodePort" });
  const port = made.spec?.ports?.[0]?.nodePort ?? 0;
  assert.ok(port >= 30_000 && port <= 32_767);
  const asked = (nodePort: number): ServiceSpec => ({ type: "NodePort", ports: [{ port: 80, nodePort }] });
  await assert.rejects(
    create("b", asked(port)),
    invalid(/spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/),
  );
  await assert.rejects(create("b", asked(80)), invalid(/The range of valid ports is 30000-32767/));
  const replaced = await objects.update("Service", {
    metadata: { namespace: "default", name: "a" },
    spec: { type: "NodePort", ports: [{ port: 8080 }], selector: { app: "x" } },
  });
  assert.equal(replaced.spec?.ports?.[0]?.nodePort, port);
  assert.equal(replaced.spec?.clusterIP, made.spec?.clusterIP);
  const plain = await objects.update("Service", { ...replaced, spec: { ...replaced.spec, type: "ClusterIP" } });
  assert.equal(plain.spec?.ports?.[0]?.nodePort, undefined);
  assert.equal((await create("b", asked(port))).spec?.ports?.[0]?.nodePort, port);
});

test("a refused service leaves nothing reserved", async () => {
  const { create } = await setUp();
  const wrong = {
    type: "NodePort",
    ports: [
      { name: "a", port: 80, nodePort: 30_001 },
      { name: "b", port: 81, nodePort: 1 },
    ],
  };
  await assert.rejects(create("a", wrong));
  await assert.rejects(
    create("Not_A_Name", { type: "NodePort", clusterIP: "10.43.0.9", ports: [{ port: 80, nodePort: 30_001 }] }),
  );
  assert.ok(await create("b", { type: "NodePort", clusterIP: "10.43.0.9", ports: [{ port: 80, nodePort: 30_001 }] }));
});

const ranges = [
  { cidr: "10.43.0.0/16", size: 65_536, first: "10.43.0.1", outside: "10.43.255.255" },
  { cidr: "10.43.7.9/24", size: 256, first: "10.43.7.1", outside: "10.43.8.1" },
];
for (const { cidr, size, first, outside } of ranges) {
  test(`the range ${cidr} knows its addresses`, () => {
    const range = new AddressRange(cidr);
    assert.deepEqual(
      [range.size, range.at(1), range.offset(first), range.offset(outside)],
      [size, first, 1, undefined],
    );
  });
}

test("what is no range of addresses is refused", () => {
  for (const cidr of ["10.43.0.0", "fd00::/64", "10.43.0.0/33", "300.1.1.1/16"]) {
    assert.throws(() => new AddressRange(cidr), /must be IPv4/);
  }
});

test("a controller's create of a service that is there gives that one, address and all", async () => {
  const { objects } = await setUp();
  const create = (): Promise<Service> =>
    objects.create(
      "Service",
      { metadata: { namespace: "default", name: "a" }, spec: { clusterIP: "10.43.0.9", ports: [{ port: 80 }] } },
      { cause: ["a"] },
    );
  assert.deepEqual(await create(), await create());
});
