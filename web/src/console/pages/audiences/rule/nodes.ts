/** The nodes of a rule, as they travel; what audiences and ad targeting are both written in. */

import type { And, Const, In, InAudience, Or, Range, Recency, Rule, Sequence } from "../../../../api/types.ts";

export type { Const, In, InAudience, Occasion, Range, Recency, Rule, Sequence } from "../../../../api/types.ts";

export type Scalar = boolean | number | string;
export type Leaf = Const | In | InAudience | Range | Recency | Sequence;
export type Joined = And | Or;

export const EVERYBODY: Const = { is: "const", value: true };

/** The rule with each test changed, or left as it is. */
export function mapLeaves(rule: Rule, change: (leaf: Leaf) => Leaf): Rule {
  if (rule.is === "not") return { is: "not", of: mapLeaves(rule.of, change) };
  if (rule.is === "and" || rule.is === "or") return { is: rule.is, of: rule.of.map((below) => mapLeaves(below, change)) };
  return change(rule);
}
