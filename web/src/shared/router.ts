/** Addresses: matching them, moving between them, and hearing of moves. */

export type Params = Record<string, string>;

/**
 * Read an address by a pattern such as `/t/:slug`; null where it does not fit.
 * A final slash makes no difference; parameters are decoded.
 */
export function match(pattern: string, path: string): Params | null {
  const wanted = parts(pattern);
  const given = parts(path);
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    const value = decoded(given[index] ?? "");
    if (value === null) return null;
    if (part.startsWith(":")) params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
}

/** The first route of a table that fits, with its parameters. */
export function resolve<T>(table: readonly (readonly [string, T])[], path: string): { value: T; params: Params } | null {
  for (const [pattern, value] of table) {
    const params = match(pattern, path);
    if (params) return { value, params };
  }
  return null;
}

/** Whether a click on a link is ours to answer, rather than the browser's. */
export function isPlainClick(event: Pick<MouseEvent, "button" | "metaKey" | "ctrlKey" | "shiftKey" | "altKey">): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

/** An address to return to after signing in; only ever one of this site. */
export function safeNext(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : "/";
}

/** Write a query string without empty values, keys in a steady order. */
export function queryOf(values: Record<string, string>): string {
  const query = new URLSearchParams();
  for (const key of Object.keys(values).sort()) if (values[key]) query.set(key, values[key]);
  const text = query.toString();
  return text ? `?${text}` : "";
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
