import type { Command } from "../command.ts";
import { apply } from "./apply.ts";
import { ca } from "./ca.ts";
import { completionOf } from "./completion.ts";
import { config } from "./config.ts";
import { deleteCommand } from "./delete.ts";
import { describe } from "./describe.ts";
import { doctor } from "./doctor.ts";
import { get } from "./get.ts";
import { init } from "./init.ts";
import { join } from "./join.ts";
import { keys } from "./keys.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { leave } from "./leave.ts";
import { logs } from "./logs.ts";
import { members } from "./members.ts";
import { rollout } from "./rollout.ts";
import { scale } from "./scale.ts";
import { token } from "./token.ts";
import { version } from "./version.ts";

const OTHERS: readonly Command[] = [
  init,
  join,
  token,
  members,
  leave,
  keys,
  ca,
  apply,
  get,
  describe,
  deleteCommand,
  logs,
  scale,
  rollout,
  config,
  kubeconfig,
  doctor,
  version,
];

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [...OTHERS, completionOf(OTHERS)];
