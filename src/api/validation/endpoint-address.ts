import { BlockList, isIP } from "node:net";
import { invalid } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { ObjectMeta } from "../kinds.ts";

/** Where no endpoint may lie: whoever may name endpoints must not reach what only the node itself may. */
const RANGES: readonly { readonly list: BlockList; readonly rule: string }[] = [
  { list: ranges(["0.0.0.0", 32], ["::", 128]), rule: "may not be unspecified (0.0.0.0 or ::)" },
  { list: ranges(["127.0.0.0", 8], ["::1", 128]), rule: "may not be in the loopback range (127.0.0.0/8, ::1/128)" },
  {
    list: ranges(["169.254.0.0", 16], ["fe80::", 10]),
    rule: "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
  },
  {
    list: ranges(["224.0.0.0", 24], ["ff02::", 16]),
    rule: "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
  },
];

function ranges(...nets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, net.includes(":") ? "ipv6" : "ipv4");
  return list;
}

/** An endpoint's address: an IP address, of this version where one is asked for. */
export function endpointAddressErrors(address: string, field: string, version?: 4 | 6): FieldError[] {
  const found = isIP(address);
  if (found === 0) {
    return [invalid(field, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
  }
  if (version !== undefined && found !== version) return [invalid(field, address, `must be an IPv${version} address`)];
  return RANGES.filter(({ list }) => list.check(address, found === 4 ? "ipv4" : "ipv6")).map(({ rule }) =>
    invalid(field, address, rule),
  );
}

/** The API's own service: its addresses are the agents', and one without a network has only its loopback. */
export function isApiService(namespace: ObjectMeta["namespace"], service: string | undefined): boolean {
  return namespace === "default" && service === "kubernetes";
}
