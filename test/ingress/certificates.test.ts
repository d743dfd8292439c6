import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import type { Ingress } from "../../src/api/kinds.ts";
import { backend, start, toEndpoints } from "../../src/ingress/ingress-fixture.ts";
import { projectIngress, type IngressProjection } from "../../src/ingress/project-ingress.ts";
import { makeCertificate } from "./certificate-fixture.ts";

test("certificates come from Secrets, and plain HTTP of their hosts is redirected unless an annotation forbids it", () => {
  const good = makeCertificate("good", ["a.test", "*.a.test"]);
  const other = makeCertificate("other", ["x"]);
  const mixed = {
    metadata: { name: "mixed", namespace: "default" },
    data: { "tls.crt": good.secret.data!["tls.crt"]!, "tls.key": other.secret.data!["tls.key"]! },
  };
  const junk = { metadata: { name: "junk", namespace: "default" }, data: { "tls.crt": "eA==", "tls.key": "eA==" } };
  const project = (
    entry: { secretName?: string; hosts?: string[] },
    annotations: Record<string, string> = {},
  ): IngressProjection => {
    const web = { service: { name: "web", port: { number: 80 } } };
    const ingress: Ingress = {
      metadata: { name: "one", namespace: "default", annotations },
      spec: {
        rules: [{ host: "a.test", http: { paths: [{ path: "/", pathType: "Prefix", backend: web }] } }],
        tls: [entry],
      },
    };
    const secrets = [good.secret, mixed, junk];
    const none = { ingressClasses: [], endpointSlices: [] };
    const services = [{ metadata: { name: "web", namespace: "default" }, spec: { ports: [{ port: 80 }] } }];
    return projectIngress({ ingresses: [ingress], services, secrets, ...none }, { nodeName: "n1" });
  };
  const explicit = project({ secretName: "good", hosts: ["A.test"] }).snapshot;
  assert.deepEqual(explicit.certificates, [{ hosts: ["a.test"], certificate: good.certificate, key: good.key }]);
  assert.equal(explicit.rules[0]?.redirect, true);
  const implied = project({ secretName: "good" }).snapshot.certificates.flatMap(({ hosts }) => hosts);
  assert.deepEqual(implied, ["a.test", "*.a.test"]);
  assert.equal(project({ hosts: ["b.test"] }).snapshot.rules[0]?.redirect, false);
  for (const name of ["podman-swarm.io/ssl-redirect", "nginx.ingress.kubernetes.io/ssl-redirect"]) {
    assert.equal(project({ hosts: ["a.test"] }, { [name]: "false" }).snapshot.rules[0]?.redirect, false, name);
  }
  assert.match(project({ secretName: "mixed" }).problems[0]!.message, /does not belong/);
  assert.match(project({ secretName: "junk" }).problems[0]!.message, /no PEM certificate/);
});

async function shown(port: number, servername: string): Promise<string> {
  const socket = tlsConnect({ port, servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test("the certificate follows the name that a client asks for, and changes with the snapshot", async (t) => {
  const one = makeCertificate("one", ["one.test"]);
  const wild = makeCertificate("wild", ["*.wild.test"]);
  const fallback = makeCertificate("fallback", ["localhost"]);
  const endpoint = await backend(t, (request, response) =>
    response.end(`${String(request.headers["x-forwarded-proto"])} ${String(request.headers["x-forwarded-port"])}`),
  );
  const certificates = [
    { hosts: ["one.test"], certificate: one.certificate, key: one.key },
    { hosts: ["*.wild.test"], certificate: wild.certificate, key: wild.key },
  ];
  const snapshot = { ...toEndpoints([endpoint]), defaultCertificate: fallback };
  const { https, server } = await start(t, { ...snapshot, certificates }, { https: { host: "127.0.0.1", port: 0 } });
  assert.equal(await shown(https, "one.test"), "one");
  assert.equal(await shown(https, "ONE.test"), "one");
  assert.equal(await shown(https, "a.wild.test"), "wild");
  assert.equal(await shown(https, "a.b.wild.test"), "fallback");
  const request = httpsRequest({ port: https, servername: "one.test", rejectUnauthorized: false, agent: false }).end();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(String(Buffer.concat(await answer.toArray())), "https " + https);
  server.apply(snapshot);
  assert.equal(await shown(https, "one.test"), "fallback");
  server.apply({ ...snapshot, defaultCertificate: wild });
  assert.equal(await shown(https, "one.test"), "wild");
  server.apply(toEndpoints([endpoint]));
  await assert.rejects(shown(https, "one.test"));
});
