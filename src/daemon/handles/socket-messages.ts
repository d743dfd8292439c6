/**
 * What supervisor and child say over Node's IPC channel. The handle of each socket travels beside its own `socket`
 * message, in the order in which `sockets` names them.
 */
export type FromSupervisor =
  | {
      readonly type: "sockets";
      readonly names: readonly string[];
      /** Give up all privileges in favour of this user once everything is loaded. */
      readonly dropTo?: { readonly uid: number; readonly gid: number };
    }
  | { readonly type: "socket"; readonly name: string }
  | { readonly type: "stop" };

/** The child's own pid: under `podman unshare` it is not the one that was spawned. */
export type FromChild = { readonly type: "hello"; readonly pid: number };

/** A child that ends with this code has said why, and starting it again would not help (sysexits.h, EX_CONFIG). */
export const REFUSED_EXIT_CODE = 78;
