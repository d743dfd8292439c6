/**
 * Text that may come from anybody, made safe to show: what a terminal would take for a command is written out, as
 * kubectl does for the escape character. Lines and tabs stay.
 */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0);
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    return code === 0x7f ? "^?" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The same on one line: what follows the first one is left out, as kubectl does in tables. */
export function visibleLine(text: string): string {
  const end = text.search(/[\r\n]/);
  return visible(end < 0 ? text : `${text.slice(0, end)}...`);
}
