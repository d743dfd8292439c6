import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Command } from "../command.ts";

export const kubeconfig: Command = {
  name: "kubeconfig",
  summary: "Print a kubeconfig for kubectl, Helm and other clients",
  usage: "[flags]",
  examples: ["psctl kubeconfig > ~/.kube/podman-swarm", "export KUBECONFIG=$(psctl kubeconfig --path)"],
  flags: [{ name: "path", type: "switch", meaning: "print where this node keeps its owner's kubeconfig" }],
  run: async (session, args) => {
    if (args.has("path")) {
      session.print(ownerFile(session.ownerKubeconfigs));
      return 0;
    }
    const { server, ca, serverName, token, cert, key } = session.target.connection;
    const data = (text: string): string => Buffer.from(text).toString("base64");
    const user = {
      ...(token ? { token } : {}),
      ...(cert && key ? { "client-certificate-data": data(cert), "client-key-data": data(key) } : {}),
    };
    const cluster = {
      server,
      ...(ca ? { "certificate-authority-data": data(ca) } : {}),
      ...(serverName ? { "tls-server-name": serverName } : {}),
    };
    session.streams.out(
      stringify(
        {
          apiVersion: "v1",
          kind: "Config",
          "current-context": "podman-swarm",
          clusters: [{ name: "podman-swarm", cluster }],
          users: [{ name: "owner", user }],
          contexts: [
            { name: "podman-swarm", context: { cluster: "podman-swarm", user: "owner", namespace: session.namespace } },
          ],
        },
        { lineWidth: 0 },
      ),
    );
    return 0;
  },
};

function ownerFile(files: readonly string[]): string {
  for (const file of files) {
    try {
      readFileSync(file);
      return file;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES")
        throw new Error(`Cannot read ${file}: it belongs to the agent's user; run this as that user`, { cause: error });
      if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
  }
  throw new Error(
    `Cannot find a kubeconfig on this host: none of ${files.join(", ")} exists; is an agent running here?`,
  );
}
