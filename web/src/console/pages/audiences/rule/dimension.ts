/** A dimension as the rule editor wants it: nothing left out, and the values that came so far. */

import type { Dimension, DimensionShown } from "../../../../api/types.ts";

export interface Askable extends Required<Dimension> {
  /** What was stored so far, to choose from; not all there is. */
  words: string[];
  /** Whether anything of it was stored of users, so that a reach can be counted. */
  stored: boolean;
}

export function askable({ dimension, words, stored }: DimensionShown): Askable {
  return { source: "profile", cardinality: "few", privacy: "personal", values: [], low: null, high: null, unit: "", says: "", ...dimension, words, stored };
}
