/** Statuses that the ingress answers itself, with what to tell people. */
const PAGES = {
  400: ["Bad request", "The request is not proper HTTP."],
  404: ["Not found", "No Ingress rule matches this host and path."],
  405: ["Method not allowed", "This method is not passed on."],
  408: ["Request timeout", "The request's body came too slowly."],
  502: ["Bad gateway", "The service broke off before it answered."],
  503: ["Service unavailable", "The service has no endpoint that is ready."],
  504: ["Gateway timeout", "The service did not answer in time."],
} as const;

export type PageStatus = keyof typeof PAGES;

export interface Page {
  readonly type: string;
  readonly body: string;
}

/** A small page in the form that the client asks for: HTML for browsers, JSON where it is named, else a line of text. */
export function errorPage(status: PageStatus, accept: string | undefined, requestId: string): Page {
  const [title, message] = PAGES[status];
  const wanted = accept ?? "";
  if (/\btext\/html\b/.test(wanted)) {
    return {
      type: "text/html; charset=utf-8",
      body: `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${status} ${title}</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}small{opacity:.6}</style>
<h1>${status} ${title}</h1><p>${message}</p><small>Podman Swarm ingress · ${requestId}</small></html>
`,
    };
  }
  if (/\bapplication\/(?:[\w.-]+\+)?json\b/.test(wanted)) {
    return { type: "application/json", body: `${JSON.stringify({ status, error: title, message, requestId })}\n` };
  }
  return { type: "text/plain; charset=utf-8", body: `${status} ${title}: ${message} (${requestId})\n` };
}

/** The reason phrase of a page's status line. */
export function pageTitle(status: PageStatus): string {
  return PAGES[status][0];
}
