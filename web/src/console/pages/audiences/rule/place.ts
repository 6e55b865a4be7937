/** Where in a text something is wrong: its line, split around the place. */

export interface Place {
  line: number;
  column: number;
  before: string;
  wrong: string;
  after: string;
}

/** The place of characters `at` to `until`; the server counts characters, not units of UTF-16. */
export function placeOf(text: string, at: number, until: number): Place {
  const letters = [...text];
  const begin = letters.lastIndexOf("\n", Math.max(0, at - 1)) + 1;
  const start = at > 0 ? begin : 0;
  const found = letters.indexOf("\n", at);
  const end = found < 0 ? letters.length : found;
  const stop = Math.min(end, Math.max(until, at));
  return {
    line: letters.slice(0, at).filter((letter) => letter === "\n").length + 1,
    column: at - start + 1,
    before: letters.slice(start, at).join(""),
    wrong: letters.slice(at, stop).join(""),
    after: letters.slice(stop, end).join(""),
  };
}
