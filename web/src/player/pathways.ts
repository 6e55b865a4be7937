/** Which pathway media is fetched from, and where to go when it fails. */

import type { Pathway } from "../api/types.ts";

/** How long a pathway that failed is only a last resort. */
export const PENALTY_MS = 30_000;

/**
 * The pathways of one session and the one in use.
 *
 * Every request may be answered by every pathway, because they serve the same
 * immutable media; so moving is a matter of rewriting the address, and neither
 * the buffer nor the rendition is lost. It stays where it went: going back and
 * forth costs more than a second-best region.
 */
export class Pathways {
  readonly #pathways: readonly Pathway[];
  readonly #bases: ReadonlyMap<string, string>;
  readonly #penalised = new Map<string, number>();
  readonly #onSwitch: (to: string, from: string) => void;
  #current: string;

  constructor(pathways: readonly Pathway[], onSwitch: (to: string, from: string) => void = () => undefined) {
    const first = pathways[0];
    if (!first) throw new RangeError("a playback session needs at least one pathway; this one has none");
    this.#pathways = pathways;
    this.#bases = new Map(pathways.map((pathway) => [pathway.id, baseOf(pathway.hls)]));
    this.#onSwitch = onSwitch;
    this.#current = first.id;
  }

  /** Name of the pathway in use. */
  get current(): string {
    return this.#current;
  }

  /** How many there are. */
  get size(): number {
    return this.#pathways.length;
  }

  /** The multivariant playlist through the pathway in use. */
  get source(): string {
    return (this.#pathways.find((one) => one.id === this.#current) as Pathway).hls;
  }

  /** The same object through the pathway in use; other addresses stay as they are. */
  rewrite(address: string): string {
    for (const base of this.#bases.values()) {
      if (address.startsWith(base)) return this.#bases.get(this.#current) + address.slice(base.length);
    }
    return address;
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
    const left = this.#pathways.map((pathway) => pathway.id).filter((id) => !tried.has(id));
    left.sort((a, b) => this.#penaltyLeft(a, now_ms) - this.#penaltyLeft(b, now_ms));
    const next = left[0];
    if (next === undefined) return null;
    const from = this.#current;
    this.#current = next;
    this.#onSwitch(next, from);
    return next;
  }

  #penaltyLeft(id: string, now_ms: number): number {
    return Math.max(0, (this.#penalised.get(id) ?? 0) - now_ms);
  }
}

/** Up to the media, under which playlists and segments lie in folders of their own. */
function baseOf(address: string): string {
  const plain = address.split(/[?#]/, 1)[0] ?? address;
  const media = plain.lastIndexOf("/media/");
  return plain.slice(0, media < 0 ? plain.lastIndexOf("/") + 1 : media + 1);
}
