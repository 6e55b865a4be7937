/** Writes rules in their language, as the server writes them. */

import type { In, Joined, Leaf, Occasion, Range, Rule, Scalar } from "./nodes.ts";

/** The rule on one line; reading it gives the same nodes. */
export function printRule(rule: Rule): string {
  if (rule.is === "not") return negated(rule.of);
  return rule.is === "and" || rule.is === "or" ? joined(rule) : test(rule);
}

function negated(of: Rule): string {
  if (of.is === "in" && typeof of.values[0] === "string") return `${of.dimension} not in (${values(of.values)})`;
  const inner = printRule(of);
  return (of.is === "and" || of.is === "or") && of.of.length > 1 ? `not (${inner})` : `not ${inner}`;
}

function joined(rule: Joined): string {
  if (!rule.of.length) return rule.is === "and" ? "true" : "false";
  return rule.of.map((part) => (rule.of.length > 1 && needsBrackets(rule, part) ? `(${printRule(part)})` : printRule(part))).join(` ${rule.is} `);
}

function needsBrackets(outer: Joined, part: Rule): boolean {
  if (part.is !== "and" && part.is !== "or") return false;
  if (part.of.length === 1) return needsBrackets(outer, part.of[0] as Rule);
  return part.of.length > 1 && (part.is === "or" || outer.is === "and");
}

function test(leaf: Leaf): string {
  switch (leaf.is) {
    case "const":
      return leaf.value ? "true" : "false";
    case "in":
      return membership(leaf);
    case "range":
      return range(leaf);
    case "recency":
      return `${leaf.event}(${JSON.stringify(leaf.value)}, ${duration(leaf.within_s)})`;
    case "audience":
      return `in audience(${JSON.stringify(leaf.audience)})`;
    case "sequence":
      return `${occasion(leaf.first)} then ${leaf.absent ? "not " : ""}${occasion(leaf.then)} within ${duration(leaf.within_s)}`;
  }
}

function membership({ dimension, values: all }: In): string {
  if (!all.length) return "false";
  if (all.length === 1 && typeof all[0] === "boolean") return all[0] ? dimension : `${dimension} = false`;
  return `${dimension} in (${values(all)})`;
}

function range({ dimension: name, low = null, high = null, low_open = false, high_open = false }: Range): string {
  if (high === null && low_open) return `${name} > ${number(low)}`;
  if (low === null && high_open) return `${name} < ${number(high)}`;
  if (low_open || high_open) return `(${name} ${low_open ? ">" : ">="} ${number(low)} and ${name} ${high_open ? "<" : "<="} ${number(high)})`;
  return `${name} ${number(low)}..${number(high)}`;
}

/** A span of time in the largest unit that leaves no rest: `30d`. */
export function duration(seconds: number): string {
  for (const [unit, length] of [["d", 86_400], ["h", 3600], ["m", 60]] as const) {
    if (seconds && seconds % length === 0) return `${seconds / length}${unit}`;
  }
  return `${seconds}s`;
}

function values(all: readonly Scalar[]): string {
  return all.map((value) => JSON.stringify(value)).join(", ");
}

function number(value: number | null): string {
  if (value === null) return "";
  return Number.isInteger(value) ? String(value) : value.toFixed(6).replace(/0+$/, "");
}

function occasion({ event, value }: Occasion): string {
  return `${event}(${JSON.stringify(value)})`;
}
