/** What changed between two versions of a record, field by field. */

export interface Difference {
  path: string;
  before: string;
  after: string;
}

/** The fields in which two values differ; of lists, each place. */
export function differences(before: unknown, after: unknown): Difference[] {
  const [old, fresh] = [flat(before), flat(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])];
  return paths.filter((path) => old.get(path) !== fresh.get(path)).map((path) => ({ path, before: old.get(path) ?? "", after: fresh.get(path) ?? "" }));
}

function flat(value: unknown, path = "", found = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) value.forEach((item, place) => flat(item, `${path}[${place}]`, found));
  else if (typeof value === "object" && value !== null && !isRule(value)) {
    for (const [name, below] of Object.entries(value)) flat(below, path ? `${path}.${name}` : name, found);
  } else found.set(path, isRule(value) ? JSON.stringify(value) : String(value));
  return found;
}

/** A rule is told as one, and not node by node; the outermost noun has a name of its own. */
function isRule(value: unknown): boolean {
  const word = (value as { is?: unknown } | null)?.is;
  return typeof word === "string" && ["const", "in", "range", "recency", "sequence", "not", "and", "or"].includes(word);
}
