/** One event as a line of CMCD. Source: CTA-5004-B (version 2), event mode; RFC 8941 for the form. */

type Value = string | number | boolean | readonly (string | number)[];

/** What an event may tell; absent and undefined keys are left out. */
export type EventFields = Partial<Record<CmcdKey, Value | undefined>>;

/** The keys that this player uses of CMCD. */
export type CmcdKey =
  | "bl" // milliseconds of buffer
  | "br" // kbit/s of what is fetched
  | "bs" // the buffer ran dry
  | "bsd" // for how many milliseconds
  | "cdn" // the pathway
  | "cid" // the title
  | "d" // milliseconds of media in the object
  | "dfa" // frames dropped so far
  | "ec" // codes of errors
  | "h" // host that media comes from
  | "msd" // milliseconds to the first picture
  | "mtp" // kbit/s measured
  | "ot" // type of the object
  | "pt" // milliseconds of the film seen up to
  | "rc" // status; 0: no answer came
  | "sf" // streaming format
  | "sid" // the session
  | "sn" // number of the event
  | "st" // type of the stream
  | "sta" // what the player does
  | "ts" // moment, in milliseconds since 1970
  | "ttfb" // milliseconds to the first byte
  | "ttlb" // milliseconds to the last byte
  | "url" // of the object, without its query
  | "v";

export type CmcdEvent = "bc" | "e" | "h" | "ps" | "rr" | "t";

const TOKENS: ReadonlySet<string> = new Set(["e", "ot", "sf", "st", "sta"]);
const LONGEST_TEXT = 1024;

/** Write an event; keys in alphabetical order, as the specification wants. */
export function cmcdLine(event: CmcdEvent, fields: EventFields): string {
  const all = { ...fields, e: event } as Record<string, Value | undefined>;
  return Object.keys(all)
    .sort()
    .map((key) => item(key, all[key]))
    .filter(Boolean)
    .join(",");
}

function item(key: string, value: Value | undefined): string {
  if (value === undefined || value === false || value === "" || isNoNumber(value)) return "";
  if (value === true) return key;
  if (typeof value !== "object") return `${key}=${TOKENS.has(key) ? value : bare(value)}`;
  const inner = value.filter((one) => !isNoNumber(one)).map(bare);
  return inner.length ? `${key}=(${inner.join(" ")})` : "";
}

/** Numbers here are all integers; texts are ASCII, everything else percent-encoded. */
function bare(value: string | number): string {
  if (typeof value === "number") return String(Math.round(value));
  const whole = value.slice(0, LONGEST_TEXT).replace(/\p{Surrogate}/gu, "\ufffd");
  const ascii = whole.replace(/[^\x20-\x7e]/gu, encodeURIComponent);
  return `"${ascii.replace(/["\\]/g, "\\$&")}"`;
}

function isNoNumber(value: unknown): boolean {
  return typeof value === "number" && !Number.isFinite(value);
}
