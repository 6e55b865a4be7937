/** What may be asked of a dimension, by its kind. */

import type { Askable } from "./dimension.ts";
import type { Leaf, Range, Recency, Sequence } from "./nodes.ts";

export type Asked = Pick<Askable, "name" | "kind">;

/** A way of asking: what people choose between "is one of" and "at least". */
export interface Way {
  key: string;
  words: string;
  holds: boolean;
  /** The test in this way; what fits is kept from the one before. */
  of: (before: Leaf) => Leaf;
}

const DAY_S = 86_400;
export const AUDIENCE = "audience()";

/** A first test of a dimension, still to be filled in. */
export function beginning(asked: Asked): Leaf {
  return (waysOf(asked)[0] as Way).of({ is: "const", value: true });
}

export function beginningOfAudience(): Leaf {
  return { is: "audience", audience: "" };
}

/** The dimension that a test asks; empty for those that ask none. */
export function dimensionOf(leaf: Leaf): string {
  if (leaf.is === "in" || leaf.is === "range") return leaf.dimension;
  if (leaf.is === "recency") return leaf.event;
  if (leaf.is === "sequence") return leaf.first.event;
  return leaf.is === "audience" ? AUDIENCE : "";
}

/** The ways of asking a dimension, the usual one first. */
export function waysOf(asked: Asked): readonly Way[] {
  switch (asked.kind) {
    case "category":
    case "set":
      return [among(asked.name, "is one of", true), among(asked.name, "is none of", false)];
    case "flag":
      return [flag(asked.name, "yes", true), flag(asked.name, "no", false)];
    case "integer":
      return [...ranges(asked.name), among(asked.name, "is one of", true), among(asked.name, "is none of", false)];
    case "number":
      return ranges(asked.name);
    case "event":
      return [
        recency(asked.name, "in the last", true),
        recency(asked.name, "not in the last", false),
        sequence(asked.name, "then", false),
        sequence(asked.name, "then not", true),
      ];
  }
}

export const AUDIENCE_WAYS: readonly Way[] = [
  { key: "audience", words: "member of", holds: true, of: (before) => (before.is === "audience" ? before : beginningOfAudience()) },
  { key: "audience!", words: "not member of", holds: false, of: (before) => (before.is === "audience" ? before : beginningOfAudience()) },
];

/** The way in which a test asks; one of its own where the usual ones do not say it. */
export function wayOf(leaf: Leaf, holds: boolean, ways: readonly Way[]): Way | undefined {
  const asFlag = leaf.is === "in" && typeof leaf.values[0] === "boolean";
  const key = asFlag ? "flag" : keyOf(leaf);
  const positive = asFlag ? leaf.values[0] === holds : holds;
  const exact = ways.find((way) => way.key === (positive ? key : `${key}!`));
  const opposite = ways.find((way) => way.key === key);
  return exact ?? (opposite && { ...opposite, key: `${key}!`, words: `not ${opposite.words}`, holds: false });
}

function keyOf(leaf: Leaf): string {
  if (leaf.is === "in") return "among";
  if (leaf.is === "range") return rangeKey(leaf);
  return leaf.is === "sequence" ? `sequence ${leaf.absent ?? false}` : leaf.is;
}

function rangeKey({ low = null, high = null, low_open, high_open }: Range): string {
  if (high === null && low_open) return "over";
  return low === null && high_open ? "under" : "range";
}

function among(dimension: string, words: string, holds: boolean): Way {
  const of = (before: Leaf): Leaf => ({ is: "in", dimension, values: before.is === "in" ? before.values : [] });
  return { key: holds ? "among" : "among!", words, holds, of };
}

function flag(dimension: string, words: string, value: boolean): Way {
  return { key: value ? "flag" : "flag!", words, holds: value, of: () => ({ is: "in", dimension, values: [true] }) };
}

function ranges(dimension: string): Way[] {
  const bounds = (before: Leaf) => (before.is === "range" ? { low: before.low ?? null, high: before.high ?? null } : { low: null, high: null });
  const either = (before: Leaf) => bounds(before).low ?? bounds(before).high;
  return [
    { key: "range", words: "from – to", holds: true, of: (before) => ({ is: "range", dimension, ...bounds(before) }) },
    { key: "range!", words: "not from – to", holds: false, of: (before) => ({ is: "range", dimension, ...bounds(before) }) },
    { key: "over", words: "over", holds: true, of: (before) => ({ is: "range", dimension, low: either(before), low_open: true }) },
    { key: "under", words: "under", holds: true, of: (before) => ({ is: "range", dimension, high: either(before), high_open: true }) },
  ];
}

function recency(event: string, words: string, holds: boolean): Way {
  const of = (before: Leaf): Recency => ({ is: "recency", event, value: valueOf(before), within_s: "within_s" in before ? before.within_s : 30 * DAY_S });
  return { key: holds ? "recency" : "recency!", words, holds, of };
}

function sequence(event: string, words: string, absent: boolean): Way {
  const of = (before: Leaf): Sequence => ({
    is: "sequence",
    first: { event, value: valueOf(before) },
    then: before.is === "sequence" ? before.then : { event, value: "" },
    within_s: "within_s" in before ? before.within_s : 7 * DAY_S,
    absent,
  });
  return { key: `sequence ${absent}`, words, holds: true, of };
}

function valueOf(leaf: Leaf): string {
  if (leaf.is === "recency") return leaf.value;
  return leaf.is === "sequence" ? leaf.first.value : "";
}
