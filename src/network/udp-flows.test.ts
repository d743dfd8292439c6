import assert from "node:assert/strict";
import { test } from "node:test";
import { misledUdpFlows } from "./misled-udp-flows.ts";
import type { ServiceEntry } from "./service-table.ts";
import { staleUdpFlows } from "./stale-udp-flows.ts";

const [A, B] = [
  { ip: "10.42.0.5", port: 9000 },
  { ip: "10.42.0.6", port: 9000 },
];
const syslog: ServiceEntry = {
  id: "default/syslog:514/udp",
  protocol: "udp",
  addresses: ["10.43.0.20"],
  port: 514,
  targets: [A, B],
  node: { port: 30514, targets: [A, B], keepsClientAddress: false },
};
const onlyB: ServiceEntry = { ...syslog, targets: [B], node: { ...syslog.node!, targets: [B] } };
const nobody: ServiceEntry = { ...syslog, targets: [], node: { ...syslog.node!, targets: [] } };
const gone = (ip: string): string[] => [
  `-p udp --orig-dst 10.43.0.20 --orig-port-dst 514 --reply-src ${ip}`,
  `-p udp --orig-port-dst 30514 --reply-src ${ip}`,
];
const unanswered = "-p udp --orig-port-dst 30514 --reply-port-src 30514";

const CHANGES = [
  { what: "nothing", before: [syslog], after: [syslog], forgotten: [] },
  { what: "a pod less", before: [syslog], after: [onlyB], forgotten: gone(A.ip) },
  { what: "a pod more", before: [onlyB], after: [syslog], forgotten: [] },
  { what: "no pod any more", before: [onlyB], after: [nobody], forgotten: gone(B.ip) },
  { what: "no service any more", before: [onlyB], after: [], forgotten: gone(B.ip) },
  { what: "a first pod", before: [nobody], after: [onlyB], forgotten: [unanswered] },
  { what: "a new service", before: [], after: [syslog], forgotten: [unanswered] },
  { what: "a new service over TCP", before: [], after: [{ ...syslog, protocol: "tcp" as const }], forgotten: [] },
];

for (const { what, before, after, forgotten } of CHANGES) {
  test(`what is forgotten of UDP flows after a change: ${what}`, () => {
    assert.deepEqual(
      staleUdpFlows(before, after).map((filter) => filter.join(" ")),
      forgotten,
    );
  });
}

const flow = (dst: string, port: number, from: string): string =>
  `udp      17 29 src=10.42.0.9 dst=${dst} sport=40000 dport=${port} src=${from} dst=10.42.0.9 sport=9000 dport=40000 mark=0 use=1\n`;
const unreplied = (dst: string, port: number): string =>
  `udp      17 3 src=10.42.0.9 dst=${dst} sport=40000 dport=${port} [UNREPLIED] src=${dst} dst=10.42.0.9 sport=${port} dport=40000 mark=0 use=1\n`;

const FLOWS = [
  { what: "to a pod that is one of the service's", listing: flow("10.43.0.20", 514, B.ip), misled: false },
  { what: "to a pod that is not any more", listing: flow("10.43.0.20", 514, A.ip), misled: true },
  { what: "to a service, but led nowhere", listing: unreplied("10.43.0.20", 514), misled: true },
  { what: "to a service that is not there any more", listing: flow("10.43.0.21", 514, A.ip), misled: true },
  { what: "to the node port, at a pod that is left", listing: flow("192.0.2.1", 30514, B.ip), misled: false },
  { what: "to the node port, at a pod that is gone", listing: flow("192.0.2.1", 30514, A.ip), misled: true },
  { what: "to the node port, at the node itself", listing: unreplied("10.42.0.1", 30514), misled: true },
  { what: "with a question for a name", listing: flow("10.43.0.10", 53, "10.42.0.1"), misled: false },
  { what: "to somewhere else", listing: unreplied("192.0.2.1", 514), misled: false },
];

for (const { what, listing, misled } of FLOWS) {
  test(`a UDP flow ${what} is ${misled ? "forgotten" : "kept"} when the table is written anew`, () => {
    const input = { listing: listing + listing, table: [onlyB], serviceCidr: "10.43.0.0/16", gateway: "10.42.0.1" };
    assert.equal(misledUdpFlows(input).length, misled ? 1 : 0);
  });
}
