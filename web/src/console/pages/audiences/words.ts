/** Counts of people as they are told: in tens, and not at all where they are few. */

import type { Audience, Reach } from "../../../api/types.ts";

/** Members of an audience in words, in tens: nobody is found by two looks that differ in one person. */
export function membersWords(audience: Pick<Audience, "members" | "withheld">): string {
  if (audience.withheld) return "too few";
  return audience.members === null ? "–" : (Math.round(audience.members / 10) * 10).toLocaleString("en-GB");
}

/** A part of all users: `16.1 %`; a dash where either is not known. */
export function share(part: number | null, of: number): string {
  if (part === null || of <= 0) return "–";
  const percent = (part / of) * 100;
  if (percent === 0) return "0\u00a0%";
  if (percent < 0.1) return "< 0.1\u00a0%";
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)}\u00a0%`;
}

/** A reach as a number to be read at a glance. */
export function reachFigure({ users, floor }: Reach): string {
  return users === null ? `under ${floor}` : users.toLocaleString("en-GB");
}

/** What stands beside the figure: of how many, and how sure. */
export function reachNote({ users, low, high, of, exact, missing }: Reach): string {
  const away = missing > 0 ? `; ${share(missing, 1)} of all could not be asked: their shard is away` : "";
  const whole = `of ${of.toLocaleString("en-GB")} users${away}`;
  if (users === null) return `${whole}; so few are neither shown nor served`;
  const part = share(users, of);
  const span = exact ? "" : `; ${low.toLocaleString("en-GB")} to ${high.toLocaleString("en-GB")}, 19 times out of 20`;
  return `${part} ${whole}${span}`;
}
