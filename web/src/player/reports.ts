/** Reports of playback: events as CMCD, sent in batches to the edge in use. */

import { type CmcdEvent, cmcdLine, type EventFields } from "./cmcd_line.ts";
import { isAddress, type Pathways } from "./pathways.ts";
import type { Timer } from "./timer.ts";

/** How long an event may wait for company. */
export const BATCH_MS = 10_000;
/** How long one may that tells of trouble: steering lives on these. */
export const URGENT_MS = 500;
export const BATCH_EVENTS = 20;
/** How many wait at most while nobody takes them; the oldest are lost first. */
export const KEPT_EVENTS = 200;
/** How many go in one post: what takes them reads 64 KiB, and browsers send no more behind a closed page. */
export const POSTED_EVENTS = 60;
const SILENCE_MS = 5000;

export interface ReportsParts {
  /** Absolute address that takes them, as the session gives it. */
  address: string;
  session: { id: string; title: string };
  pathways: Pathways;
  /** What the player is doing, told with every event. */
  now: () => EventFields;
  fetch: (address: string, request: RequestInit) => Promise<Response>;
  timer: Timer;
}

/**
 * Collects events and posts them to the session's address, at the pathway in use.
 *
 * What a dead pathway does not take is brought to the next one, because that it
 * is dead is the news. An edge that knows no reports (404) is asked no more.
 * Nothing here is ever waited for by the film.
 */
export class Reports {
  readonly #parts: ReportsParts;
  /** Hosts that know no reports. */
  readonly #deaf = new Set<string>();
  #lines: string[] = [];
  #number = 0;
  #due_ms = Number.POSITIVE_INFINITY;
  #callOff: () => void = () => undefined;
  #sending = false;
  /** Whether any of the lines tells of trouble. */
  #urgent = false;
  /** The host that last took nothing, and until when it is left in peace. */
  #peace = { host: "", until_ms: 0 };
  #stopped = false;

  constructor(parts: ReportsParts) {
    this.#parts = parts;
    this.#stopped = !isAddress(parts.address);
  }

  /**
   * Note an event.
   *
   * Args: `began_ms` is when it began in the timer's milliseconds, if not now.
   */
  tell(event: CmcdEvent, fields: EventFields = {}, { urgent = false, began_ms = this.#parts.timer.now_ms() } = {}): void {
    if (this.#stopped) return;
    const { session, timer, pathways } = this.#parts;
    const ts = timer.wall_ms() - (timer.now_ms() - began_ms);
    const whose = { sid: session.id, cid: session.title, cdn: pathways.current, sf: "h", st: "v", v: 2 };
    this.#lines.push(cmcdLine(event, { ...whose, ...this.#parts.now(), ...fields, ts, sn: this.#number }));
    this.#number += 1;
    if (this.#lines.length > KEPT_EVENTS) this.#lines.shift();
    this.#urgent ||= urgent;
    this.#sendWhenDue();
  }

  /** Send what there is, even if the page goes away meanwhile. */
  flush(): void {
    this.#callOff();
    void this.#send(true);
  }

  /** Send what there is, and take no more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.flush();
  }

  get #address(): string {
    return this.#parts.pathways.rewrite(this.#parts.address);
  }

  #sendWhenDue(): void {
    const { timer } = this.#parts;
    const delay_ms = this.#lines.length >= BATCH_EVENTS ? 0 : this.#urgent ? URGENT_MS : BATCH_MS;
    const now_ms = timer.now_ms();
    const least_ms = this.#peace.host === new URL(this.#address).host ? this.#peace.until_ms - now_ms : 0;
    const due_ms = now_ms + Math.max(delay_ms, least_ms);
    if (this.#stopped || this.#sending || due_ms >= this.#due_ms) return;
    this.#callOff();
    this.#due_ms = due_ms;
    this.#callOff = timer.after(due_ms - now_ms, () => void this.#send());
  }

  async #send(last = false): Promise<void> {
    this.#due_ms = Number.POSITIVE_INFINITY;
    const address = this.#address;
    const { host } = new URL(address);
    const lines = last ? this.#lines.splice(-POSTED_EVENTS) : this.#lines.splice(0, POSTED_EVENTS);
    const urgent = this.#urgent;
    this.#urgent = false;
    if (!lines.length || this.#deaf.has(host)) return;
    this.#sending = true;
    const status = await this.#post(address, `${lines.join("\n")}\n`, last);
    this.#sending = false;
    if (status === 404 || status === 405) this.#deaf.add(host);
    else if (status === 0 || status === 429 || status >= 500) {
      this.#lines = [...lines, ...this.#lines].slice(-KEPT_EVENTS);
      this.#urgent ||= urgent;
      this.#peace = { host, until_ms: this.#parts.timer.now_ms() + BATCH_MS };
    }
    if (this.#lines.length) this.#sendWhenDue();
  }

  /** The status; 0 where no answer came. */
  async #post(address: string, body: string, last: boolean): Promise<number> {
    const asking = new AbortController();
    const giveUp = last ? () => undefined : this.#parts.timer.after(SILENCE_MS, () => asking.abort());
    try {
      const headers = { "Content-Type": "application/cmcd" };
      // The last ones outlive the page.
      const answer = await this.#parts.fetch(address, { method: "POST", headers, body, credentials: "omit", keepalive: last, signal: asking.signal });
      return answer.status;
    } catch {
      return 0;
    } finally {
      giveUp();
    }
  }
}
