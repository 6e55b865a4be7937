/** Where somebody stopped in each film; kept in this browser only. */

export interface Position {
  at_s: number;
  duration_s: number;
  saved_at: number;
}

const KEY = "bijou.positions";
const MOST = 200;
const TOO_EARLY_S = 8;
/** Whoever saw this share of a film has seen it. */
const SEEN = 0.95;

export class Positions {
  readonly #storage: Pick<Storage, "getItem" | "setItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem">) {
    this.#storage = storage;
  }

  /** Where to go on in a title; null where it is to start from the beginning. */
  of(slug: string): Position | null {
    return this.#read()[slug] ?? null;
  }

  /** Titles that were begun and not finished, the latest first. */
  begun(): string[] {
    const all = this.#read();
    return Object.keys(all).sort((a, b) => (all[b]?.saved_at ?? 0) - (all[a]?.saved_at ?? 0));
  }

  /** Remember a position; the first seconds and the end count as none. */
  save(slug: string, at_s: number, duration_s: number, now: number): void {
    const all = this.#read();
    delete all[slug];
    const worthIt = at_s >= TOO_EARLY_S && duration_s > 0 && at_s < duration_s * SEEN;
    if (worthIt) all[slug] = { at_s, duration_s, saved_at: now };
    const kept = Object.entries(all).sort(([, a], [, b]) => b.saved_at - a.saved_at).slice(0, MOST);
    this.#write(Object.fromEntries(kept));
  }

  #read(): Record<string, Position> {
    try {
      const value: unknown = JSON.parse(this.#storage.getItem(KEY) ?? "{}");
      if (typeof value !== "object" || value === null) return {};
      return Object.fromEntries(Object.entries(value as Record<string, Position>).filter(([, p]) => isPosition(p)));
    } catch {
      return {};
    }
  }

  #write(all: Record<string, Position>): void {
    try {
      this.#storage.setItem(KEY, JSON.stringify(all));
    } catch {
      // A full or forbidden storage costs the place in the film, never the film.
    }
  }
}

/** The positions of this browser. */
export function positions(): Positions {
  try {
    return new Positions(localStorage);
  } catch {
    return new Positions({ getItem: () => null, setItem: () => undefined });
  }
}

function isPosition(value: unknown): value is Position {
  const { at_s, duration_s, saved_at } = (value ?? {}) as Partial<Position>;
  return [at_s, duration_s, saved_at].every((part) => typeof part === "number" && Number.isFinite(part));
}
