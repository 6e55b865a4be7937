/** Which upload a file has begun, and under which words; kept in this browser only. */

export interface Begun {
  upload: string;
  name: string;
  synopsis: string;
  saved_at: number;
}

/** What tells a file from another without reading it. */
export type Fingerprinted = Pick<File, "name" | "size" | "lastModified">;

const KEY = "bijou.uploads";
const MOST = 50;

export class Remembered {
  readonly #storage: Pick<Storage, "getItem" | "setItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem">) {
    this.#storage = storage;
  }

  /** What a file has begun; null where nothing is known. */
  of(file: Fingerprinted): Begun | null {
    return this.#read()[fingerprint(file)] ?? null;
  }

  save(file: Fingerprinted, begun: Begun): void {
    const all = { ...this.#read(), [fingerprint(file)]: begun };
    const kept = Object.entries(all).sort(([, a], [, b]) => b.saved_at - a.saved_at).slice(0, MOST);
    this.#write(Object.fromEntries(kept));
  }

  forget(file: Fingerprinted): void {
    const { [fingerprint(file)]: _, ...rest } = this.#read();
    this.#write(rest);
  }

  #read(): Record<string, Begun> {
    try {
      const value: unknown = JSON.parse(this.#storage.getItem(KEY) ?? "{}");
      if (typeof value !== "object" || value === null) return {};
      return Object.fromEntries(Object.entries(value as Record<string, Begun>).filter(([, begun]) => isBegun(begun)));
    } catch {
      return {};
    }
  }

  #write(all: Record<string, Begun>): void {
    try {
      this.#storage.setItem(KEY, JSON.stringify(all));
    } catch {
      // A full or forbidden storage costs the resumption, never the upload.
    }
  }
}

/** The uploads that this browser has begun. */
export function remembered(): Remembered {
  try {
    return new Remembered(localStorage);
  } catch {
    return new Remembered({ getItem: () => null, setItem: () => undefined });
  }
}

function fingerprint({ name, size, lastModified }: Fingerprinted): string {
  return `${size}-${lastModified}-${name}`;
}

function isBegun(value: unknown): value is Begun {
  const { upload, name, synopsis, saved_at } = (value ?? {}) as Partial<Begun>;
  return [upload, name, synopsis].every((words) => typeof words === "string") && Number.isFinite(saved_at);
}
