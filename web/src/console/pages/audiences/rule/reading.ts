/**
 * Reads the rule language: text in, nodes out.
 *
 * Only the form of a rule is read here, so that the form view follows each key; what a dimension
 * may be asked, and the words for what is wrong, are the server's. `test/rule_vectors.json` holds
 * both readers to the same trees.
 */

import type { Leaf, Occasion, Rule, Scalar } from "./nodes.ts";

const WORD =
  /(?<space>\s+)|(?<string>"(?:[^"\\\n]|\\.)*")|(?<duration>\d+[smhdw](?![a-z0-9_]))|(?<number>-?\d+(?:\.\d+)?(?![a-zA-Z_\d]))|(?<name>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)|(?<sign>\.\.|>=|<=|!=|[()=<>,])/suy;
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const OWN_WORDS = new Set(["and", "or", "not", "in", "audience", "then", "within", "true", "false"]);
const MAX_DEPTH = 64;

interface Word {
  kind: string;
  text: string;
}

/** The rule that a text stands for; null where it is none. */
export function readRule(text: string): Rule | null {
  try {
    return new Reader(wordsOf(text)).whole();
  } catch (error) {
    if (error instanceof NoRule) return null;
    throw error;
  }
}

class NoRule extends Error {}

function refuse(): never {
  throw new NoRule();
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < text.length) {
    const groups = WORD.exec(text)?.groups;
    if (!groups) return refuse();
    const [kind, word] = Object.entries(groups).find(([, found]) => found !== undefined) as [string, string];
    if (kind !== "space") words.push({ kind, text: word });
  }
  return words;
}

class Reader {
  readonly #words: readonly Word[];
  #at = 0;
  #depth = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  whole(): Rule {
    const rule = this.#any();
    return this.#at === this.#words.length ? rule : refuse();
  }

  #is(text: string, ahead = 0): boolean {
    const word = this.#words[this.#at + ahead];
    return word !== undefined && word.text === text && (word.kind === "name" || word.kind === "sign");
  }

  #accept(text: string): boolean {
    const found = this.#is(text);
    if (found) this.#at += 1;
    return found;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) refuse();
  }

  #take(kind: string): string {
    const word = this.#words[this.#at];
    if (word?.kind !== kind) return refuse();
    this.#at += 1;
    return word.text;
  }

  #any(): Rule {
    return this.#joined("or", () => this.#all());
  }

  #all(): Rule {
    return this.#joined("and", () => this.#one());
  }

  #joined(word: "and" | "or", read: () => Rule): Rule {
    const found = [read()];
    while (this.#accept(word)) found.push(read());
    return found.length === 1 ? (found[0] as Rule) : { is: word, of: found };
  }

  #one(): Rule {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) refuse();
    const rule = this.#negatedOrBracketed();
    this.#depth -= 1;
    return rule;
  }

  #negatedOrBracketed(): Rule {
    if (this.#accept("not")) return { is: "not", of: this.#one() };
    if (!this.#accept("(")) return this.#test();
    const rule = this.#any();
    this.#expect(")");
    return rule;
  }

  #test(): Rule {
    if (this.#is("in") || this.#is("audience")) {
      this.#accept("in");
      this.#expect("audience");
      return { is: "audience", audience: this.#bracketedString() };
    }
    const name = this.#take("name");
    if (name === "true" || name === "false") return { is: "const", value: name === "true" };
    if (OWN_WORDS.has(name)) return refuse();
    return this.#is("(") ? this.#event(name) : this.#ofDimension(name);
  }

  #bracketedString(): string {
    this.#expect("(");
    const text = this.#string();
    this.#expect(")");
    return text;
  }

  #string(): string {
    try {
      return JSON.parse(this.#take("string")) as string;
    } catch {
      return refuse();
    }
  }

  #seconds(): number {
    const text = this.#take("duration");
    return Number(text.slice(0, -1)) * (SECONDS[text.slice(-1)] as number);
  }

  #event(event: string): Leaf {
    this.#expect("(");
    const value = this.#string();
    if (this.#accept(",")) {
      const within_s = this.#seconds();
      this.#expect(")");
      return { is: "recency", event, value, within_s };
    }
    this.#expect(")");
    this.#expect("then");
    const absent = this.#accept("not");
    const then: Occasion = { event: this.#take("name"), value: this.#bracketedString() };
    this.#expect("within");
    return { is: "sequence", first: { event, value }, then, within_s: this.#seconds(), absent };
  }

  #ofDimension(dimension: string): Rule {
    if (this.#accept("in")) return { is: "in", dimension, values: this.#values() };
    if (this.#is("not") && this.#is("in", 1)) {
      this.#at += 2;
      return { is: "not", of: { is: "in", dimension, values: this.#values() } };
    }
    if (this.#accept("=")) return { is: "in", dimension, values: [this.#value()] };
    if (this.#accept("!=")) return { is: "not", of: { is: "in", dimension, values: [this.#value()] } };
    for (const sign of [">", ">=", "<", "<="]) if (this.#accept(sign)) return comparison(dimension, sign, Number(this.#take("number")));
    const low = this.#words[this.#at]?.kind === "number" ? Number(this.#take("number")) : null;
    if (low === null && !this.#is("..")) return { is: "in", dimension, values: [true] };
    this.#expect("..");
    const high = this.#words[this.#at]?.kind === "number" ? Number(this.#take("number")) : null;
    return { is: "range", dimension, low, high };
  }

  #values(): Scalar[] {
    this.#expect("(");
    const values = [this.#value()];
    while (this.#accept(",")) values.push(this.#value());
    this.#expect(")");
    return values;
  }

  #value(): Scalar {
    const word = this.#words[this.#at];
    if (word?.kind === "string") return this.#string();
    if (this.#accept("true")) return true;
    if (this.#accept("false")) return false;
    const number = this.#take("number");
    return number.includes(".") ? refuse() : Number(number);
  }
}

function comparison(dimension: string, sign: string, bound: number): Leaf {
  if (sign.startsWith(">")) return { is: "range", dimension, low: bound, low_open: sign === ">" };
  return { is: "range", dimension, high: bound, high_open: sign === "<" };
}
