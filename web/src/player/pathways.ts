/** Which pathway media is fetched from, and where to go when it fails or steering says so. */

import type { Pathway } from "../api/types.ts";

/** How long a pathway that failed is only a last resort. */
export const PENALTY_MS = 30_000;

/** Who chose the pathway in use: the session at its start, a steering answer, or failures seen here. */
export type Decider = "session" | "steering" | "failures";

/** Another way to the media of a pathway that is known, told by a steering answer. */
export interface Clone {
  id: string;
  base_id: string;
  /** Host, and port where it is another; empty: that of the pathway it is made of. */
  host: string;
  /** What is to stand in the query of every request. */
  params: Readonly<Record<string, string>>;
}

interface Way {
  id: string;
  base: string;
  source: string;
  params: Readonly<Record<string, string>>;
}

/**
 * The pathways of one session and the one in use.
 *
 * Every request may be answered by every pathway, because they serve the same
 * immutable media; so moving is a matter of rewriting the address, and neither
 * the buffer nor the rendition is lost. After a failure it stays where it went,
 * until a steering answer says otherwise: going back and forth costs more than
 * a second-best region. What failed here lately is not gone back to, whatever
 * steering says of it.
 */
export class Pathways {
  readonly #ways = new Map<string, Way>();
  readonly #penalised = new Map<string, number>();
  readonly #onSwitch: (to: string, from: string) => void;
  #order: readonly string[];
  #current: string;
  #decider: Decider = "session";

  constructor(pathways: readonly Pathway[], onSwitch: (to: string, from: string) => void = () => undefined) {
    const first = pathways[0];
    if (!first) throw new RangeError("a playback session needs at least one pathway; this one has none");
    for (const { id, hls } of pathways) this.#ways.set(id, { id, base: baseOf(hls), source: hls, params: {} });
    this.#order = [...this.#ways.keys()];
    this.#onSwitch = onSwitch;
    this.#current = first.id;
  }

  /** Name of the pathway in use. */
  get current(): string {
    return this.#current;
  }

  /** Their names, best first, as told last. */
  get order(): readonly string[] {
    return this.#order;
  }

  /** Who chose the one in use. */
  get decider(): Decider {
    return this.#decider;
  }

  /** How many there are. */
  get size(): number {
    return this.#ways.size;
  }

  /** The multivariant playlist through the pathway in use. */
  get source(): string {
    return this.rewrite((this.#ways.get(this.#current) as Way).source);
  }

  /** The same object through the pathway in use; other addresses stay as they are. */
  rewrite(address: string): string {
    return this.#through(this.#ways.get(this.#current) as Way, address) ?? address;
  }

  /** Host of the pathway in use. */
  get host(): string {
    return new URL((this.#ways.get(this.#current) as Way).base).host;
  }

  /** An address, and what it is at every pathway, the one in use first; each once. */
  everywhere(address: string): string[] {
    const { pathname, search } = new URL(address);
    const ways = [this.#current, ...this.#order, ...this.#ways.keys()].map((id) => this.#ways.get(id) as Way);
    const others = ways.map((way) => this.#through(way, address) ?? new URL(pathname + search, way.base).href);
    return [...new Set([address, ...others])];
  }

  /**
   * Take up the order that a steering answer gives; requests from now on go to
   * the first of it that did not fail here lately. Names that are not known are
   * passed over; where none is, or all failed, everything stays as it is.
   */
  prefer(order: readonly string[], now_ms: number): void {
    const known = [...new Set(order)].filter((id) => this.#ways.has(id));
    if (!known.length) return;
    this.#order = known;
    const best = known.find((id) => this.#penaltyLeft(id, now_ms) === 0);
    if (best !== undefined) this.#move(best, best === known[0] ? "steering" : "failures");
  }

  /**
   * Learn a further pathway; one whose base is not known is passed over. Of one
   * that the session named, only the parameters are taken: where it is is known.
   */
  clone({ id, base_id, host, params }: Clone): void {
    const of = this.#ways.get(base_id);
    if (!of || !id) return;
    const known = this.#ways.get(id) ?? { base: elsewhere(of.base, host), source: elsewhere(of.source, host) };
    this.#ways.set(id, { id, base: known.base, source: known.source, params });
  }

  /**
   * Note that a pathway did not serve a request; returns the one to ask
   * instead, or null where the request has been to all of them.
   *
   * Args: `tried` are the pathways this request has been to, `failed` among them.
   */
  failover(failed: string, tried: ReadonlySet<string>, now_ms: number): string | null {
    this.#penalised.set(failed, now_ms + PENALTY_MS);
    // Another request may have moved everybody already.
    if (!tried.has(this.#current)) return this.#current;
    const ranked = new Set([...this.#order, ...this.#ways.keys()]);
    const left = [...ranked].filter((id) => !tried.has(id));
    left.sort((a, b) => this.#penaltyLeft(a, now_ms) - this.#penaltyLeft(b, now_ms));
    const next = left[0];
    if (next === undefined) return null;
    this.#move(next, "failures");
    return next;
  }

  #move(to: string, decider: Decider): void {
    this.#decider = decider;
    if (to === this.#current) return;
    const from = this.#current;
    this.#current = to;
    this.#onSwitch(to, from);
  }

  #wayOf(address: string): Way | undefined {
    return [...this.#ways.values()].find((way) => address.startsWith(way.base));
  }

  #through(way: Way, address: string): string | null {
    const from = this.#wayOf(address);
    return from ? withParams(way.base + address.slice(from.base.length), way.params) : null;
  }

  #penaltyLeft(id: string, now_ms: number): number {
    return Math.max(0, (this.#penalised.get(id) ?? 0) - now_ms);
  }
}

/** Whether it is a whole address, of which any pathway can make its own. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

/** Up to the media, under which playlists and segments lie in folders of their own. */
function baseOf(address: string): string {
  const plain = address.split(/[?#]/, 1)[0] ?? address;
  const media = plain.lastIndexOf("/media/");
  return plain.slice(0, media < 0 ? plain.lastIndexOf("/") + 1 : media + 1);
}

function elsewhere(address: string, host: string): string {
  if (!host) return address;
  const moved = new URL(address);
  moved.host = host;
  return moved.href;
}

/** By hand: URLSearchParams would write the rest of the query anew, and its CMCD otherwise. */
function withParams(address: string, params: Readonly<Record<string, string>>): string {
  const names = Object.keys(params);
  if (!names.length) return address;
  const mark = address.indexOf("?");
  const head = mark < 0 ? address : address.slice(0, mark);
  const query = mark < 0 ? "" : address.slice(mark + 1);
  const kept = query.split("&").filter((pair) => pair && !names.includes(pair.split("=", 1)[0] ?? ""));
  const set = names.map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(params[name] ?? "")}`);
  return `${head}?${[...set, ...kept].join("&")}`;
}
