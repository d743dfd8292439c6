/** The environment for programs that may outlive us or start what does: our own settings, which may hold a token, stay out. */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("PODMAN_SWARM_")));
}
