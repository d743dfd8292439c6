import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../lib/log.ts";
import { readPrivateFile, writePrivateFile } from "../../security/at-rest/private-file.ts";
import type { State } from "../agent/state.ts";

interface OwnRemovalDeps {
  readonly state: Pick<State, "recorder">;
  readonly logger: Logger;
}

/**
 * That this node was removed from its cluster, which it hears only when a member refuses it. Kept on disk: with the next
 * token the node joins anew, on what it has.
 */
export class OwnRemoval {
  readonly #deps: OwnRemovalDeps;
  readonly #options: { readonly nodeName: string; readonly dataDir: string };
  #known: boolean;

  static async open(
    deps: OwnRemovalDeps,
    options: { readonly nodeName: string; readonly dataDir: string },
  ): Promise<OwnRemoval> {
    return new OwnRemoval(deps, options, await wasRemoved(options.dataDir));
  }

  private constructor(
    deps: OwnRemovalDeps,
    options: { readonly nodeName: string; readonly dataDir: string },
    known: boolean,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#known = known;
  }

  get known(): boolean {
    return this.#known;
  }

  /** `said`: the refusal of a member, which has shown its certificate. */
  async told(said: string): Promise<void> {
    if (this.#known) return;
    const { nodeName, dataDir } = this.#options;
    await noteRemoval(dataDir, said);
    this.#known = true;
    const message = `This node was removed from its cluster (${said}). To come back: stop its agent, and psctl join with a new token`;
    this.#deps.logger.error(message);
    this.#deps.state.recorder({ component: "podman-swarm-cluster", host: nodeName }).record({
      regarding: { kind: "Node", apiVersion: "v1", name: nodeName },
      type: "Warning",
      reason: "NodeRemoved",
      message,
    });
  }
}

/** `said`: the refusal of a member. */
export async function noteRemoval(dataDir: string, said: string): Promise<void> {
  await writePrivateFile(fileIn(dataDir), `${said}\n`);
}

export async function wasRemoved(dataDir: string): Promise<boolean> {
  return (await readPrivateFile(fileIn(dataDir))) !== undefined;
}

/** It has joined again. */
export async function forgetRemoval(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

function fileIn(dataDir: string): string {
  return join(dataDir, "removed");
}
