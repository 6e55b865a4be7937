/**
 * Our adaptive-bitrate policy: which rung to fetch next.
 *
 * The policy is data (`policy.json`), and these are the steps of the session
 * simulator in `bijou.abr`: the same sums, products, quotients and comparisons
 * in the same order, so that both choose alike, to the last bit. A file of
 * decisions that the simulator wrote is replayed in the tests.
 */

export type Expression = number | string | Expression[];

export interface Policy {
  name: string;
  version: number;
  estimate: Record<"fast_memory_s" | "slow_memory_s" | "spread_weight" | "spread_most" | "early_share", number>;
  leave: Record<"after_s" | "gain", number>;
  parameters: Record<string, number>;
  let: Record<string, Expression>;
  value: Expression;
}

/** How things stand when a rung is to be chosen. */
export interface Standing {
  buffer_s: number;
  /** Most seconds that the buffer is let to hold. */
  limit_s: number;
  /** Seconds of the film that are still to be fetched. */
  left_s: number;
}

/** A download that is under way. */
export interface Progress extends Standing {
  rung: number;
  bits: number;
  got_bits: number;
  time_s: number;
  first_byte_s: number;
}

export interface Decision {
  rung: number;
  /** What each rung is worth, lowest first. */
  values: number[];
}

type Scope = Map<string, number>;
type Step = (scope: Scope) => number;

const FOLDS: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b !== 0 ? a / b : 0),
  min: (a, b) => (b < a ? b : a),
  max: (a, b) => (b > a ? b : a),
};

/** Natural logarithm by sums and products alone, which are the same everywhere. */
export function ln(x: number): number {
  let halvings = 0;
  while (x > 1.5) {
    x *= 0.5;
    halvings += 1;
  }
  const share = (x - 1) / (x + 1);
  const square = share * share;
  let sum = 0;
  for (let odd = 41; odd > 0; odd -= 2) sum = sum * square + 1 / odd;
  return halvings * 0.6931471805599453 + 2 * share * sum;
}

export class AbrPolicy {
  readonly #policy: Policy;
  readonly #steps: [string, Step][];
  readonly #value: Step;
  readonly #scope: Scope;
  #utilities: number[] = [];
  #bitrates: number[] = [];
  #segment_s = 1;
  #fast_bits = 0;
  #fast_s = 0;
  #slow_bits = 0;
  #slow_s = 0;
  #last_bps = 0;
  #spread = 0;
  #latency_s = 0;
  #rung = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#scope = new Map(Object.entries(policy.parameters));
    this.#steps = Object.entries(policy.let).map(([name, expression]) => [name, made(expression)]);
    this.#value = made(policy.value);
  }

  /** Tell which rungs there are, lowest first; what was observed is kept. */
  ladder(bitrates_bps: readonly number[], segment_s: number): void {
    const least = bitrates_bps[0] ?? 1;
    this.#bitrates = [...bitrates_bps];
    this.#utilities = bitrates_bps.map((bitrate) => ln(bitrate / least));
    this.#segment_s = segment_s;
    this.#rung = Math.min(this.#rung, Math.max(0, bitrates_bps.length - 1));
  }

  /** Whether anything was observed, so that it can choose. */
  get ready(): boolean {
    return this.#fast_s > 0;
  }

  /** The throughput that is reckoned with, in bits a second; 0 before the first download. */
  get throughput_bps(): number {
    return this.ready ? Math.min(this.#fast_bits / this.#fast_s, this.#slow_bits / this.#slow_s) : 0;
  }

  /** Note the rung that is being fetched. */
  took(rung: number): void {
    this.#rung = rung;
  }

  /** Take a download into account, whole or left; seconds from its first byte on. */
  observe(bits: number, time_s: number, first_byte_s: number): void {
    if (!(bits > 0 && time_s > 0)) return;
    const { fast_memory_s, slow_memory_s, spread_weight, spread_most, early_share } = this.#policy.estimate;
    if (this.ready) {
      const fast = this.#fast_bits / this.#fast_s;
      const slow = this.#slow_bits / this.#slow_s;
      const late = (time_s * (slow < fast ? slow : fast)) / bits - 1;
      const miss = late > 0 ? late : -late * early_share;
      this.#spread += ((miss > spread_most ? spread_most : miss) - this.#spread) * spread_weight;
      this.#latency_s += (first_byte_s - this.#latency_s) * spread_weight;
    } else {
      this.#latency_s = first_byte_s;
    }
    let keeps = fast_memory_s / (fast_memory_s + time_s);
    this.#fast_bits = this.#fast_bits * keeps + bits;
    this.#fast_s = this.#fast_s * keeps + time_s;
    keeps = slow_memory_s / (slow_memory_s + time_s);
    this.#slow_bits = this.#slow_bits * keeps + bits;
    this.#slow_s = this.#slow_s * keeps + time_s;
    this.#last_bps = bits / time_s;
  }

  /** Choose the rung of the greatest value; among equals the lowest. */
  decide(standing: Standing): Decision {
    this.#look(standing, this.#fast_bits / this.#fast_s, this.#slow_bits / this.#slow_s, this.#last_bps);
    const values = this.#bitrates.map((bitrate, rung) => this.#worth(rung, bitrate * this.#segment_s, this.#latency_s));
    let rung = 0;
    for (let other = 1; other < values.length; other += 1) {
      if ((values[other] as number) > (values[rung] as number)) rung = other;
    }
    return { rung, values };
  }

  /** The rung to begin anew with, or -1 to go on with a download that is under way. */
  leave(progress: Progress): number {
    const { rung, bits, got_bits, time_s, first_byte_s, buffer_s } = progress;
    const streaming_s = time_s - first_byte_s;
    if (rung === 0 || time_s < this.#policy.leave.after_s || streaming_s <= 0) return -1;
    const rate = got_bits / streaming_s;
    if (bits - got_bits <= rate * buffer_s) return -1;
    this.#look(progress, rate, rate, rate);
    let most = this.#worth(rung, bits - got_bits, 0) + this.#policy.leave.gain;
    let lower = -1;
    for (let other = 0; other < rung; other += 1) {
      const size = (bits * (this.#bitrates[other] as number)) / (this.#bitrates[rung] as number);
      const value = this.#worth(other, size, this.#latency_s);
      if (size < bits - got_bits && value > most) {
        most = value;
        lower = other;
      }
    }
    return lower;
  }

  #look({ buffer_s, limit_s, left_s }: Standing, fast_bps: number, slow_bps: number, last_bps: number): void {
    const inputs = {
      fast_bps,
      slow_bps,
      last_bps,
      spread: this.#spread,
      latency_s: this.#latency_s,
      buffer_s,
      limit_s,
      segment_s: this.#segment_s,
      left_s,
      last_utility: this.#utilities[this.#rung] ?? 0,
      top_utility: this.#utilities.at(-1) ?? 0,
    };
    for (const [name, value] of Object.entries(inputs)) this.#scope.set(name, value);
  }

  #worth(rung: number, bits: number, first_byte_s: number): number {
    const scope = this.#scope;
    scope.set("utility", this.#utilities[rung] as number);
    scope.set("bits", bits);
    scope.set("first_byte_s", first_byte_s);
    for (const [name, step] of this.#steps) scope.set(name, step(scope));
    return this.#value(scope);
  }
}

function made(expression: Expression): Step {
  if (typeof expression === "number") return () => expression;
  if (typeof expression === "string") return (scope) => named(scope, expression);
  const [kind, ...operands] = expression as [string, ...Expression[]];
  const steps = operands.map(made);
  if (kind === "if") {
    const [asked, then, otherwise] = steps as [Step, Step, Step];
    return (scope) => (asked(scope) > 0 ? then(scope) : otherwise(scope));
  }
  const fold = FOLDS[kind];
  if (!fold || steps.length < 2) throw new RangeError(`${JSON.stringify(expression)} is no expression of a policy`);
  return (scope) => steps.map((step) => step(scope)).reduce(fold);
}

function named(scope: Scope, name: string): number {
  const value = scope.get(name);
  if (value === undefined) throw new RangeError(`${name} is no input, parameter or earlier step of the policy`);
  return value;
}
