/** How long work will still take, from how it went lately. */

interface Sample {
  at_ms: number;
  done: number;
}

const WINDOW_MS = 10_000;
const LEAST_MS = 1500;

/**
 * Rate over the last ten seconds of work, so that a stutter long ago does not
 * count and one of the moment does not shout.
 */
export class TimeLeft {
  readonly #samples: Sample[] = [];

  /** Note how much is done; what goes backwards starts anew. */
  note(done: number, at_ms: number): void {
    const last = this.#samples.at(-1);
    if (last && done < last.done) this.#samples.length = 0;
    this.#samples.push({ at_ms, done });
    while (this.#samples.length > 2 && at_ms - (this.#samples[0] as Sample).at_ms > WINDOW_MS) this.#samples.shift();
  }

  /** Units a second; 0 while there is too little to tell. */
  rate(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at_ms - first.at_ms < LEAST_MS) return 0;
    return ((last.done - first.done) * 1000) / (last.at_ms - first.at_ms);
  }

  /** Seconds until `total` is done; null while unknown. */
  left_s(total: number): number | null {
    const rate = this.rate();
    const last = this.#samples.at(-1);
    return rate > 0 && last ? Math.max(0, total - last.done) / rate : null;
  }
}
