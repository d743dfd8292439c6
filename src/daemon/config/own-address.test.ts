import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { NetworkInterfaceInfo } from "node:os";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressOfLastTime, type HostNetwork, keepAddress, ownAddress } from "./own-address.ts";

const OWN_RANGES = ["10.42.0.0/16", "10.43.0.0/16"];
const HEAD = "Iface\tDestination\tGateway\n";
const BY_ETH0 = `${HEAD}eth0\t0063630A\t00000000\neth0\t00000000\tFE00630A\n`;

function network(addresses: Record<string, string>, routes = HEAD): HostNetwork {
  const entry = (address: string): NetworkInterfaceInfo[] => [
    { address, family: "IPv4", internal: address.startsWith("127."), netmask: "", mac: "", cidr: null },
  ];
  const interfaces = Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, entry(address)]));
  return { interfaces, routes };
}

const LO = { lo: "127.0.0.1" };
const PODS = { "podman-swarm": "10.42.0.1" };
const ETH0 = { eth0: "10.99.0.1" };
const OTHER = { docker0: "172.17.0.1" };

const cases: readonly {
  readonly what: string;
  readonly host: HostNetwork;
  readonly lastTime?: string;
  readonly address: string;
}[] = [
  {
    what: "the default route's interface, wherever it was before",
    host: network({ ...LO, ...OTHER, ...ETH0 }, BY_ETH0),
    lastTime: "10.99.0.9",
    address: "10.99.0.1",
  },
  {
    what: "the address of the last time while the cable is pulled, and not that of the pods' bridge",
    host: network({ ...LO, ...PODS, ...OTHER }, BY_ETH0),
    lastTime: "10.99.0.1",
    address: "10.99.0.1",
  },
  {
    what: "the address of the last time before there is any network",
    host: network(LO),
    lastTime: "10.99.0.1",
    address: "10.99.0.1",
  },
  {
    what: "without a default route the one of the last time, where the host has it",
    host: network({ ...LO, ...OTHER, ...ETH0 }),
    lastTime: "10.99.0.1",
    address: "10.99.0.1",
  },
  {
    what: "without a default route another one where the host has been given that",
    host: network({ ...LO, ...ETH0 }),
    lastTime: "10.99.0.9",
    address: "10.99.0.1",
  },
  { what: "never the pods' bridge", host: network({ ...LO, ...PODS }), address: "127.0.0.1" },
  {
    what: "without a default route the first other one",
    host: network({ ...LO, ...PODS, ...ETH0 }),
    address: "10.99.0.1",
  },
];

for (const { what, host, lastTime, address } of cases) {
  test(`a node's own address is ${what}`, () => {
    assert.equal(ownAddress(host, { lastTime, ownRanges: OWN_RANGES }), address);
  });
}

test("an address is kept for the next start, but for loopback", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "own-address-"));
  try {
    assert.equal(addressOfLastTime(dataDir), undefined);
    await keepAddress(dataDir, "10.99.0.1");
    await keepAddress(dataDir, "127.0.0.1");
    assert.equal(addressOfLastTime(dataDir), "10.99.0.1");
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
