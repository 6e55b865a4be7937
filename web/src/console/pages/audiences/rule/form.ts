/** A rule as a form: groups of tests. The same tree as the text, with names for its places. */

import type { Leaf, Rule } from "./nodes.ts";

export type Kind = "all" | "any" | "none";

export interface Test {
  id: number;
  leaf: Leaf;
  /** False: its opposite is asked. */
  holds: boolean;
}

export interface Group {
  id: number;
  kind: Kind;
  of: readonly Part[];
}

export type Part = Group | Test;

let last = 0;

export function isGroup(part: Part): part is Group {
  return "of" in part;
}

export function testOf(leaf: Leaf, holds = true): Test {
  return { id: (last += 1), leaf, holds };
}

export function groupOf(kind: Kind, of: readonly Part[] = []): Group {
  return { id: (last += 1), kind, of };
}

/** The form that shows a rule; its outermost part is always a group, and an empty one is everybody. */
export function formOf(rule: Rule): Group {
  if (rule.is === "const" && rule.value) return groupOf("all");
  const part = partOf(rule);
  return isGroup(part) ? part : groupOf("all", [part]);
}

function partOf(rule: Rule): Part {
  if (rule.is === "and") return groupOf("all", rule.of.map(partOf));
  if (rule.is === "or") return groupOf("any", rule.of.map(partOf));
  if (rule.is !== "not") return testOf(rule);
  const { of } = rule;
  if (of.is === "or") return groupOf("none", of.of.map(partOf));
  return of.is === "and" || of.is === "not" ? groupOf("none", [partOf(of)]) : testOf(of, false);
}

/** The rule that a form stands for. */
export function ruleOf(part: Part): Rule {
  if (!isGroup(part)) return part.holds ? part.leaf : { is: "not", of: part.leaf };
  const of = part.of.map(ruleOf);
  if (part.kind === "all") return single(of) ?? (of.length ? { is: "and", of } : { is: "const", value: true });
  const any: Rule = single(of) ?? { is: "or", of };
  return part.kind === "any" ? any : { is: "not", of: any };
}

function single(of: readonly Rule[]): Rule | undefined {
  return of.length === 1 ? of[0] : undefined;
}

/** The form with one part changed; `null` takes it away. */
export function changed(form: Group, id: number, change: (part: Part) => Part | null): Group {
  const walk = (part: Part): Part | null => {
    if (part.id === id) return change(part);
    return isGroup(part) ? { ...part, of: part.of.map(walk).filter((below) => below !== null) } : part;
  };
  return (walk(form) as Group | null) ?? { ...form, of: [] };
}

/** What is missing in a form before it is a rule, by part; empty where it is one. */
export function missingOf(form: Group): ReadonlyMap<number, string> {
  const missing = new Map<number, string>();
  const walk = (part: Part, outermost: boolean) => {
    if (!isGroup(part)) {
      const lack = lackOf(part.leaf);
      if (lack) missing.set(part.id, lack);
      return;
    }
    if (!part.of.length && !(outermost && part.kind === "all")) missing.set(part.id, "Add a test, or take the group away");
    for (const below of part.of) walk(below, false);
  };
  walk(form, true);
  return missing;
}

function lackOf(leaf: Leaf): string | undefined {
  switch (leaf.is) {
    case "in":
      return leaf.values.length ? undefined : "Name at least one value";
    case "range":
      return rangeLack(leaf.low ?? null, leaf.high ?? null);
    case "audience":
      return leaf.audience ? undefined : "Choose an audience";
    case "recency":
      return leaf.value ? spanLack(leaf.within_s) : "Say with what it happened";
    case "sequence":
      return leaf.first.value && leaf.then.value ? spanLack(leaf.within_s) : "Say with what each happened";
    case "const":
      return undefined;
  }
}

function rangeLack(low: number | null, high: number | null): string | undefined {
  if (low === null && high === null) return "Give a lower bound, an upper one, or both";
  return low !== null && high !== null && low > high ? "The smaller bound comes first" : undefined;
}

function spanLack(seconds: number): string | undefined {
  return Number.isInteger(seconds) && seconds > 0 ? undefined : "A span is at least one second";
}
