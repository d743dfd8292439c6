import { VERSION } from "../lib/version.ts";

/** The Kubernetes release whose API is served: clients compare it with their own, and warn past one minor version. */
const MAJOR = "1";
const MINOR = "32";

/** What /version answers (apimachinery `version.Info`). */
export function serverVersion() {
  return {
    major: MAJOR,
    minor: MINOR,
    gitVersion: `v${MAJOR}.${MINOR}.0+podman-swarm-${VERSION}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "",
    goVersion: `node${process.versions.node}`,
    compiler: "none",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
