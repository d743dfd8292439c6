import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PodmanHttp } from "./podman-http.ts";
import { PodmanImages } from "./podman-images.ts";

let folder: string;
let server: Server;
let http: PodmanHttp;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

/** A stand-in for Podman's service. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "podman-images-"));
  const socket = join(folder, "podman.sock");
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  http = new PodmanHttp(socket);
});

after(async () => {
  http.close();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

test("credentials reach Podman in URL-safe base64 with its padding, whatever their length", async () => {
  const images = new PodmanImages({ http });
  for (const password of ["a", "ab", "abc", "???>>>~~~"]) {
    let header = "";
    answer = (request, response) => {
      if (request.method === "POST") header = String(request.headers["x-registry-auth"]);
      response.end(request.method === "POST" ? `${JSON.stringify({ id: "1" })}\n` : JSON.stringify({ Id: "1" }));
    };
    const auth = { username: "bob", password, serveraddress: "registry.example" };
    await images.pull("registry.example/app:1", { auth, onProgress: () => {} }, new AbortController().signal);
    assert.match(header, /^[\w-]+={0,2}$/);
    assert.equal(header.length % 4, 0, "padded");
    assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), auth);
  }
});

test("what Podman says about a pod that does not start is in the error", async () => {
  answer = (_request, response) => {
    response.statusCode = 409;
    response.end(JSON.stringify({ Errs: ["IP address 10.42.0.7 is already allocated"], Id: "1" }));
  };
  await assert.rejects(http.json({ method: "POST", path: "/pods/1/start" }), /IP address 10\.42\.0\.7/);
});
