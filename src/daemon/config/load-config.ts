import { readFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { isIP, isIPv4 } from "node:net";
import { join, resolve } from "node:path";
import type { Level } from "../../lib/log.ts";
import { parseUpstream, resolvConfUpstreams } from "../../dns/upstream-address.ts";
import { type AgentConfig, ConfigError } from "./agent-config.ts";
import { cidrsOverlap, isCidr4 } from "./cidr-text.ts";
import { clusterSettings } from "./cluster-settings.ts";
import { type Flag, type FlagName, FLAGS } from "./flags.ts";
import { defaultAddress } from "./own-address.ts";
import { ownCertificate } from "./own-certificate.ts";
import { hostPort, list, port, truth } from "./setting-texts.ts";
import type { Settings } from "./read-settings.ts";

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

const SECRET_FLAGS: ReadonlySet<string> = new Set(FLAGS.flatMap((flag: Flag) => (flag.secret ? [flag.name] : [])));

/** Checks the settings and fills in what the host says. Throws a ConfigError that names the setting and the fix. */
export function loadConfig(settings: Settings, env: NodeJS.ProcessEnv): AgentConfig {
  const rootless = userInfo().uid !== 0;
  const take = <T>(name: FlagName, fallback: () => T, parse: (text: string) => T): T => {
    const setting = settings.get(name);
    if (!setting) return fallback();
    try {
      return parse(setting.text);
    } catch (error) {
      const shown = SECRET_FLAGS.has(name) ? "" : ` ${JSON.stringify(setting.text)}`;
      throw new ConfigError(`Cannot use ${setting.source}${shown}: ${(error as Error).message}`);
    }
  };
  const apiToken = take("api-token", () => undefined, checkedToken);
  const passphraseFile = take("unlock-passphrase-file", () => undefined, pathOrInput);
  const httpAddr = take("http-addr", () => ({ host: "127.0.0.1", port: 8080 }), hostPort);
  const insecureHttp = take("insecure-http", () => false, truth);
  if (!insecureHttp && !isLoopback(httpAddr.host)) {
    throw new ConfigError(
      `Cannot use --http-addr ${httpAddr.host}: plain HTTP would carry tokens over the network; ` +
        "use a loopback address, or add --insecure-http",
    );
  }
  const podCidr = take("pod-cidr", () => "10.42.0.0/16", cidr(8, 24));
  const serviceCidr = take("service-cidr", () => "10.43.0.0/16", cidr(8, 28));
  if (cidrsOverlap(podCidr, serviceCidr)) {
    throw new ConfigError(`Cannot use --pod-cidr ${podCidr} with --service-cidr ${serviceCidr}: they overlap`);
  }
  const dataDir = take("data-dir", () => defaultDataDir(rootless, env), path);
  return {
    nodeName: take("node-name", () => hostname().toLowerCase(), nodeName),
    advertiseAddr: take("advertise-addr", () => defaultAddress(dataDir, [podCidr, serviceCidr]), address),
    apiAddr: take("api-addr", () => ({ host: "0.0.0.0", port: 6443 }), hostPort),
    httpAddr,
    ...clusterSettings(take),
    enableApiAuth: take("enable-api-auth", () => true, truth),
    ...(apiToken === undefined ? {} : { apiToken }),
    ...ownCertificate(take),
    corsOrigins: take("cors-origins", () => [], list(origin)),
    dataDir,
    ...(passphraseFile === undefined ? {} : { unlockPassphraseFile: passphraseFile }),
    unlockForGood: take("unlock-for-good", () => false, truth),
    podmanSocket: take(
      "podman-socket",
      () => defaultSocket(rootless, env),
      (text) => resolve(text.replace(/^unix:\/\//, "")),
    ),
    enableIngress: take("enable-ingress", () => true, truth),
    ingressPort: take("ingress-port", () => 80, port),
    ingressTlsPort: take("ingress-tls-port", () => 443, port),
    dnsPort: take("dns-port", () => 53, port),
    clusterDomain: take("cluster-domain", () => "cluster.local", domain),
    upstreamDns: take("upstream-dns", hostResolvers, list(rootless ? reachedResolver : resolver)),
    podCidr,
    serviceCidr,
    labels: take("labels", () => ({}), labels),
    logLevel: take("log-level", () => "info", oneOf<Level>("debug", "info", "warn", "error")),
    logFormat: take("log-format", () => (process.stderr.isTTY ? "text" : "json"), oneOf("text", "json")),
    rootless,
  };
}

function path(text: string): string {
  return resolve(text);
}

function pathOrInput(text: string): string {
  return text === "-" ? text : path(text);
}

function isLoopback(host: string): boolean {
  return host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function address(text: string): string {
  if (isIP(text) === 0) throw new Error("expected an IP address");
  return text;
}

function nodeName(text: string): string {
  if (text.length > 253 || !DNS_NAME.test(text)) {
    throw new Error("expected lower-case letters, digits, '-' and '.', such as node1");
  }
  return text;
}

function domain(text: string): string {
  if (text.length > 200 || !text.split(".").every((label) => DNS_LABEL.test(label))) {
    throw new Error("expected a DNS domain such as cluster.local");
  }
  return text;
}

function resolver(text: string): string {
  const plain = isIP(text) === 6 ? `[${text}]:53` : isIP(text) === 4 ? `${text}:53` : text;
  hostPort(plain);
  return plain;
}

/** Only the resolvers that /etc/resolv.conf names are forwarded into the network of a rootless node's pods. */
function reachedResolver(text: string): string {
  const address = resolver(text);
  if (isLoopback(parseUpstream(address)?.host ?? "") && !hostResolvers().includes(address)) {
    throw new Error(
      "pods of a node without root do not reach this host's loopback; leave it out to use the host's resolvers, or give another address",
    );
  }
  return address;
}

function origin(text: string): string {
  if (text !== "*" && !URL.canParse(text)) throw new Error("expected origins such as https://example.com");
  return text;
}

function checkedToken(text: string): string {
  if (text.length < 16 || /\s/.test(text)) throw new Error("expected at least 16 characters without spaces");
  return text;
}

function cidr(smallest: number, largest: number): (text: string) => string {
  return (text) => {
    const bits = Number(text.split("/")[1]);
    if (!isCidr4(text)) throw new Error("expected an IPv4 range such as 10.42.0.0/16, with no host bits set");
    if (bits < smallest || bits > largest) throw new Error(`expected a prefix from /${smallest} to /${largest}`);
    return text;
  };
}

function labels(text: string): Record<string, string> {
  return Object.fromEntries(
    list((item) => {
      const at = item.indexOf("=");
      const [key, value] = at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
      if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value)) throw new Error(`"${item}" is not a valid label key=value`);
      return [key, value] as const;
    })(text),
  );
}

function oneOf<T extends string>(...values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new Error(`expected one of ${values.join(", ")}`);
    return found;
  };
}

function defaultDataDir(rootless: boolean, env: NodeJS.ProcessEnv): string {
  if (!rootless) return "/var/lib/podman-swarm";
  return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"), "podman-swarm");
}

function defaultSocket(rootless: boolean, env: NodeJS.ProcessEnv): string {
  if (!rootless) return "/run/podman/podman.sock";
  return join(env["XDG_RUNTIME_DIR"] ?? `/run/user/${userInfo().uid}`, "podman/podman.sock");
}

/** What systemd-resolved asks itself, where /etc/resolv.conf only names its stub, which no namespace of pods reaches. */
function hostResolvers(): string[] {
  const named = resolvConfUpstreams(fileText("/etc/resolv.conf"), ["127.0.0.53", "127.0.0.54"]);
  return named.length > 0 ? named : resolvConfUpstreams(fileText("/run/systemd/resolve/resolv.conf"));
}

/** Empty where there is no such file. */
function fileText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
