import { declareKind } from "../../declare-kind.ts";

export const ipAddress = declareKind({
  kind: "IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
  namespaced: false,
  versions: [{ group: "networking.k8s.io", version: "v1", schema: "networking.v1.IPAddress" }],
});
