/** Replaces `$(NAME)`; `$$` is a dollar sign, and what has no value stays as it is (core/v1 `Container.args`). */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    return values[name] ?? whole;
  });
}
