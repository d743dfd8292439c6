/** The unprivileged user of every host, and the ids that its containers may use. */
export const USER = { name: "pods", uid: 2001, ids: "200000:65536" } as const;

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH = "/usr/local/bin:/usr/bin:/bin";

/** A running host, as whoever enters it needs to know it. */
export interface Entrance {
  /** Of its init, as seen from outside. */
  readonly pid: number;
  /** Root's home, and the user's. */
  readonly homes: { readonly root: string; readonly unprivileged: string };
}

export interface Visit {
  readonly as: "root" | "unprivileged";
  /** Added to the plain environment of a session. */
  readonly env?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** The command line that runs another one in a host, as root or as its user with the environment of a session. */
export function enterHost({ pid, homes }: Entrance, { as, env = {}, command }: Visit): string[] {
  const nsenter = ["nsenter", "--target", `${pid}`, "--mount", "--net", "--uts", "--ipc", "--pid", "--"];
  if (as === "root") {
    return [...nsenter, ...environment({ PATH: SYSTEM_PATH, HOME: homes.root, ...env }, "/"), ...command];
  }
  const { name, uid } = USER;
  const session = { HOME: homes.unprivileged, USER: name, LOGNAME: name, XDG_RUNTIME_DIR: `/run/user/${uid}` };
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--init-groups", "--inh-caps=-all", "--"];
  const whole = environment({ PATH: USER_PATH, ...session, ...env }, homes.unprivileged);
  return [...nsenter, ...become, ...whole, ...command];
}

function environment(variables: Readonly<Record<string, string>>, directory: string): string[] {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return ["env", "--ignore-environment", `--chdir=${directory}`, ...assignments];
}
