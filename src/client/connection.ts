/** Where the API is and who asks. PEM texts, not paths. */
export interface Connection {
  /** `https://host:port` or `http://host:port`. */
  readonly server: string;
  /** The CA that the server's certificate must chain to; the system's where it is absent. */
  readonly ca?: string;
  /** The name that the server's certificate must have, where it is not the one in `server`. */
  readonly serverName?: string;
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}
