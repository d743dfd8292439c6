import type { Secret } from "../../src/api/kinds.ts";
import { issueCertificate, keyPem, newKey } from "../../src/security/certificates/certificate.ts";

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly secret: Secret;
}

/** A self-signed certificate for these names, also as a Secret of that name. */
export function makeCertificate(name: string, altNames: readonly string[]): TestCertificate {
  const keyObject = newKey();
  const certificate = issueCertificate(keyObject, {
    commonName: name,
    altNames,
    usage: "server",
    notBefore: Date.UTC(2020),
    notAfter: Date.UTC(2049),
  });
  const key = keyPem(keyObject);
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  return {
    certificate,
    key,
    secret: {
      metadata: { name, namespace: "default" },
      type: "kubernetes.io/tls",
      data: { "tls.crt": encode(certificate), "tls.key": encode(key) },
    },
  };
}
