import { declareKind } from "../../declare-kind.ts";

export const endpointSlice = declareKind({
  kind: "EndpointSlice",
  plural: "endpointslices",
  namespaced: true,
  versions: [{ group: "discovery.k8s.io", version: "v1", schema: "discovery.v1.EndpointSlice" }],
  generation: true,
});
