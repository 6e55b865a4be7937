/** Moments as fields of forms have them, in the time zone of whoever looks. */

/** A moment as `datetime-local` wants it: `2026-11-21T10:00:00`; empty where it is none. */
export function toLocal(moment: Date): string {
  if (Number.isNaN(moment.getTime())) return "";
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** The moment that such a field holds, as RFC 3339; null where it holds none. */
export function fromLocal(text: string): string | null {
  const moment = new Date(text);
  return text && !Number.isNaN(moment.getTime()) ? moment.toISOString() : null;
}
