/** Content steering: asks where to fetch from, and tells the pathways. */

import { isAddress, type Pathways } from "./pathways.ts";
import { readAnswer, type SteeringAnswer, withWhereabouts } from "./steering_answer.ts";
import type { Timer } from "./timer.ts";

/** How long a server may keep silent before another is asked. */
export const SILENCE_MS = 3000;
/** How long a server that did not answer is asked last. */
const AVOIDED_MS = 30_000;
const FIRST_TTL_S = 10;
const LONGEST_WAIT_S = 300;

export interface SteeringParts {
  /** Absolute address of the manifest, as the session gives it; empty: there is no steering. */
  address: string;
  pathways: Pathways;
  throughput_bps: () => number;
  fetch: (address: string, request: RequestInit) => Promise<Response>;
  timer: Timer;
}

/** For the figures panel. */
export interface SteeringState {
  /** Moment of the last answer in the timer's milliseconds; null before the first. */
  answered_ms: number | null;
  ttl_s: number;
  /** Host of the last answer. */
  host: string;
  /** Rounds without any answer since the last one. */
  failed: number;
  /** Whether the last answer asks to leave the highest rung alone. */
  brown_out: boolean;
}

type Outcome = { kind: "answer"; answer: SteeringAnswer } | { kind: "none" } | { kind: "busy"; wait_s: number } | { kind: "gone" };

/**
 * Asks the steering server once a TTL and hands its order to the pathways.
 *
 * It can only ever help: silence, refusals and garbage leave playback as it is.
 * A server that gives no answer is followed by the same path at every other
 * pathway, since each region's edge can tell; where none can, it asks again
 * ever more rarely. 410 ends it, as the specification wants.
 *
 * Source: draft-pantos-hls-rfc8216bis, 7.
 */
export class Steering {
  readonly #parts: SteeringParts;
  readonly #avoided = new Map<string, number>();
  #address: string;
  #state: SteeringState = { answered_ms: null, ttl_s: FIRST_TTL_S, host: "", failed: 0, brown_out: false };
  #callOff: () => void = () => undefined;
  #asking: AbortController | null = null;
  #stopped = false;

  constructor(parts: SteeringParts) {
    this.#parts = parts;
    this.#address = parts.address;
    if (isAddress(parts.address)) void this.#round();
    else this.#stopped = true;
  }

  get state(): SteeringState | null {
    return this.#parts.address ? this.#state : null;
  }

  /** Ask no more, and forget what is being asked. */
  stop(): void {
    this.#stopped = true;
    this.#callOff();
    this.#asking?.abort();
  }

  async #round(): Promise<void> {
    for (const address of this.#addresses()) {
      const outcome = await this.#ask(address);
      if (this.#stopped) return;
      if (outcome.kind === "gone") return this.stop();
      if (outcome.kind === "busy") return this.#later(outcome.wait_s || this.#state.ttl_s);
      if (outcome.kind === "answer") return this.#take(outcome.answer, address);
      this.#avoided.set(new URL(address).host, this.#parts.timer.now_ms() + AVOIDED_MS);
    }
    // A state that nobody takes is given up for the one that the session began with.
    this.#address = this.#parts.address;
    this.#state = { ...this.#state, failed: this.#state.failed + 1 };
    this.#later(this.#state.ttl_s * 2 ** Math.min(this.#state.failed - 1, 8));
  }

  #take(answer: SteeringAnswer, from: string): void {
    const { pathways, timer } = this.#parts;
    const now_ms = timer.now_ms();
    this.#address = answer.reload || from;
    this.#avoided.delete(new URL(from).host);
    this.#state = { answered_ms: now_ms, ttl_s: answer.ttl_s, host: new URL(from).host, failed: 0, brown_out: answer.brown_out };
    for (const clone of answer.clones) pathways.clone(clone);
    pathways.prefer(answer.order, now_ms);
    this.#later(answer.ttl_s);
  }

  #addresses(): string[] {
    const now_ms = this.#parts.timer.now_ms();
    const avoided = (address: string) => Number((this.#avoided.get(new URL(address).host) ?? 0) > now_ms);
    return this.#parts.pathways.everywhere(this.#address).sort((a, b) => avoided(a) - avoided(b));
  }

  async #ask(address: string): Promise<Outcome> {
    const { fetch, pathways, throughput_bps, timer } = this.#parts;
    const asking = new AbortController();
    this.#asking = asking;
    const giveUp = timer.after(SILENCE_MS, () => asking.abort());
    try {
      const response = await fetch(withWhereabouts(address, pathways.current, throughput_bps()), {
        cache: "no-store",
        credentials: "omit",
        signal: asking.signal,
      });
      if (response.status === 410) return { kind: "gone" };
      if (response.status === 429) return { kind: "busy", wait_s: secondsOf(response.headers.get("Retry-After")) };
      const answer = response.ok ? readAnswer(await response.text(), address) : null;
      return answer ? { kind: "answer", answer } : { kind: "none" };
    } catch {
      return { kind: "none" };
    } finally {
      giveUp();
    }
  }

  #later(wait_s: number): void {
    this.#callOff = this.#parts.timer.after(Math.min(LONGEST_WAIT_S, wait_s) * 1000, () => void this.#round());
  }
}

/** Retry-After in seconds; a date, or nothing, is 0. */
function secondsOf(text: string | null): number {
  return text && /^\d+$/.test(text) ? Number(text) : 0;
}
