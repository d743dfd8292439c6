import type { KindDeclaration } from "../../api/kind.ts";
import type { KubeObject } from "../../api/kinds.ts";

/** Who asks. Groups as Kubernetes names them; `system:masters` may do everything. */
export interface Requester {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What goes with a write besides the object. */
export interface WriteContext {
  /** Absent for the agent's own controllers. */
  readonly user?: Requester | undefined;
  /** Do everything but the write. */
  readonly dryRun?: boolean | undefined;
  /** Takes sentences for the `Warning` header. */
  readonly warn?: ((sentence: string) => void) | undefined;
}

export interface AdmissionRequest {
  readonly kind: KindDeclaration;
  readonly operation: "create" | "update" | "delete";
  /** What is to be written, to be changed in place by `mutate`; for a delete the object that exists. */
  readonly object: KubeObject;
  readonly previous?: KubeObject | undefined;
  readonly context: WriteContext;
}

/** Called once after the write: `true` when it is stored, `false` when it failed or was a dry run. Must not throw. */
export type Settle = (stored: boolean) => void | Promise<void>;

/** One rule about writes that is not the business of a single kind's declaration. Refuses by throwing an ApiError. */
export interface AdmissionStep {
  readonly name: string;
  /** Completes the object before it is validated. What it reserves, its `Settle` keeps or gives back. */
  mutate?(request: AdmissionRequest): Promise<Settle | undefined> | Settle | undefined;
  /** Looks at the completed, valid object. */
  check?(request: AdmissionRequest): Promise<void> | void;
}

/** Steps in the order in which they run. */
export class Admission {
  readonly #steps: readonly AdmissionStep[];

  constructor(steps: readonly AdmissionStep[]) {
    this.#steps = steps;
  }

  /** Runs `mutate` of all steps; what was reserved before a refusal is given back. */
  async mutate(request: AdmissionRequest): Promise<Settle> {
    const settles: Settle[] = [];
    const settle: Settle = async (stored) => {
      for (const each of settles.toReversed()) await each(stored);
    };
    try {
      for (const step of this.#steps) {
        const one = await step.mutate?.(request);
        if (one) settles.push(one);
      }
    } catch (error) {
      await settle(false);
      throw error;
    }
    return settle;
  }

  async check(request: AdmissionRequest): Promise<void> {
    for (const step of this.#steps) await step.check?.(request);
  }
}
