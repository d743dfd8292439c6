import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Names the process that holds a local port (`nginx (pid 812)`), or says which user's it is when the process cannot be
 * seen; undefined when nothing is found. IPv4 and IPv6 wildcard sockets count both. Only for error messages: it walks
 * /proc.
 */
export function portHolder(kind: "tcp" | "udp", port: number): string | undefined {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  for (const file of [`/proc/net/${kind}`, `/proc/net/${kind}6`]) {
    const found = parseSocketTable(readText(file)).find((row) => row.port === wanted && row.open);
    if (found === undefined) continue;
    return processWithSocket(found.inode) ?? `a process of uid ${found.uid}`;
  }
  return undefined;
}

interface SocketRow {
  port: string;
  uid: string;
  inode: string;
  /** Listening (TCP) or bound (UDP), as opposed to a connection. */
  open: boolean;
}

/** Reads the columns of /proc/net/tcp and udp (kernel, Documentation/networking/proc_net_tcp.rst). */
export function parseSocketTable(text: string): SocketRow[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      const [, local, , state] = columns;
      const port = local?.split(":")[1];
      const uid = columns[7];
      const inode = columns[9];
      if (port === undefined || uid === undefined || inode === undefined) return [];
      // 0A is TCP_LISTEN, 07 is what an unconnected UDP socket shows (TCP_CLOSE).
      return [{ port, uid, inode, open: state === "0A" || state === "07" }];
    });
}

function processWithSocket(inode: string): string | undefined {
  for (const pid of readDirectory("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const fd of readDirectory(`/proc/${pid}/fd`)) {
      if (readLink(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) {
        return `${nameOf(pid)} (pid ${pid})`;
      }
    }
  }
  return undefined;
}

/** Node calls every program of it the same. */
function nameOf(pid: string): string {
  const name = readText(`/proc/${pid}/comm`).trim();
  if (name !== "MainThread") return name;
  const [program = "", script] = readText(`/proc/${pid}/cmdline`).split("\0");
  return script !== undefined && script.startsWith("/") ? `node ${script}` : program;
}

/** Processes end while they are looked at, and other users' are closed to us: what cannot be read counts as empty. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

const readText = (path: string): string => attempt(() => readFileSync(path, "utf8"), "");
const readDirectory = (path: string): string[] => attempt(() => readdirSync(path), []);
const readLink = (path: string): string => attempt(() => readlinkSync(path), "");
