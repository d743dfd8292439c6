import type { ConfigMap, Secret, ServiceAccount } from "../../api/kinds.ts";
import { below, headLines, type Lines } from "./description.ts";

export function describeConfigMap({ metadata, data, binaryData }: ConfigMap): Lines {
  return [
    ...headLines(metadata),
    "",
    "Data",
    "====",
    ...sorted(data).flatMap(([key, text]) => [`${key}:`, "----", text, ""]),
    "",
    "BinaryData",
    "====",
    ...sorted(binaryData).map(([key, text]) => `${key}: ${sizeOf(text)} bytes`),
    "",
  ];
}

/** Sizes only, never values. */
export function describeSecret({ metadata, type, data }: Secret): Lines {
  return [
    ...headLines(metadata),
    "",
    `Type:\t${type ?? ""}`,
    "",
    "Data",
    "====",
    ...sorted(data).map(([key, text]) => `${key}:\t${sizeOf(text)} bytes`),
  ];
}

export function describeServiceAccount({ metadata, imagePullSecrets, secrets }: ServiceAccount): Lines {
  const names = (list: readonly { readonly name?: string }[] | undefined): string[] =>
    (list ?? []).map(({ name = "" }) => name);
  return [
    ...headLines(metadata),
    ...below("Image pull secrets", names(imagePullSecrets)),
    ...below("Mountable secrets", names(secrets)),
    ...below("Tokens", []),
  ];
}

function sorted(map: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function sizeOf(base64: string): number {
  return Buffer.from(base64, "base64").length;
}
