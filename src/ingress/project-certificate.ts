import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Secret } from "../api/kinds.ts";
import type { IngressCertificate } from "./snapshot.ts";

/** The certificate of a Secret of type kubernetes.io/tls, or why there is none. Never shows the key. */
export function projectCertificate(
  secret: Secret | undefined,
  hosts: readonly string[],
): IngressCertificate | { readonly problem: string } {
  if (secret === undefined) return { problem: "it does not exist" };
  const certificate = text(secret, "tls.crt");
  const key = text(secret, "tls.key");
  if (certificate === undefined || key === undefined) return { problem: "it has no tls.crt and tls.key" };
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    // OpenSSL's words name internals only.
    return { problem: "tls.crt is no PEM certificate" };
  }
  try {
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return { problem: "tls.key does not belong to tls.crt" };
  } catch {
    return { problem: "tls.key is no PEM private key" };
  }
  const names = hosts.length > 0 ? [...hosts] : alternativeNames(parsed);
  return { hosts: names.map((name) => name.toLowerCase()), certificate, key };
}

function text(secret: Secret, field: string): string | undefined {
  const encoded = secret.data?.[field];
  return encoded ? Buffer.from(encoded, "base64").toString("utf8") : undefined;
}

function alternativeNames({ subjectAltName = "" }: X509Certificate): string[] {
  return subjectAltName.split(", ").flatMap((entry) => (entry.startsWith("DNS:") ? [entry.slice(4)] : []));
}
