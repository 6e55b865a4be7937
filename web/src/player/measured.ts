/** What the pathway in use brings, measured on it alone. */

import type { Attempt } from "./failover_loader.ts";

/** Less than this says more of the way's length than of its width. */
export const MEASURABLE_BYTES = 32_768;
/** How much of the measure a new answer is. */
const SHARE = 0.3;

/** Throughput of one answer, from the request to its last byte; 0 where it cannot be told. */
export function throughputOf({ status, loading, bytes }: Attempt): number {
  const took_ms = loading.end - loading.start;
  return status >= 200 && status < 300 && loading.start > 0 && took_ms > 0 && bytes >= MEASURABLE_BYTES ? (bytes * 8000) / took_ms : 0;
}

/**
 * Throughput by pathway. A player's estimate is carried from one pathway to the
 * next, and begins with a guess; neither may be told of a pathway as its own.
 */
export class Measured {
  readonly #bps = new Map<string, number>();

  observe(attempt: Attempt): void {
    const now_bps = throughputOf(attempt);
    if (!now_bps) return;
    const before_bps = this.#bps.get(attempt.pathway) ?? now_bps;
    this.#bps.set(attempt.pathway, before_bps + SHARE * (now_bps - before_bps));
  }

  /** Bits a second; 0 where nothing was measured there. */
  of(pathway: string): number {
    return this.#bps.get(pathway) ?? 0;
  }
}
