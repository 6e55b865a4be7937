/** Numbers and moments as people read them. */

const GAP = "\u00a0";

/** A length in words: `48 s`, `12 min`, `1 h 32 min`. */
export function length(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds <= 0) return "";
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))}${GAP}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${GAP}min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${GAP}h${rest ? ` ${rest}${GAP}min` : ""}`;
}

/** A position as on a clock: `0:07`, `12:34`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A film's length as on a clock, rounded as `length` rounds it: 13.6 s are `0:14`. */
export function clockLength(seconds: number): string {
  return clock(Math.round(seconds));
}

/** A frame rate that came as a fraction, in as many decimals at most: `24000/1001` is `23.98 fps`; empty where it is none. */
export function frameRate(fraction: string, decimals: number): string {
  const [over, under = "1"] = fraction.split("/");
  const value = Number(over) / Number(under);
  return Number.isFinite(value) ? `${Number(value.toFixed(decimals))}${GAP}fps` : "";
}

/** A size with its unit, in powers of ten: `4.1 MB`. */
export function bytes(count: number): string {
  return scaled(count, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

/** A rate with its unit: `2.4 Mb/s`. */
export function bitrate(bps: number): string {
  return scaled(bps, ["b/s", "kb/s", "Mb/s", "Gb/s"]);
}

/** A share as a whole percentage: `42 %`; 100 only where it is complete. */
export function percent(share: number): string {
  const clamped = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  const whole = clamped < 1 ? Math.min(99, Math.floor(clamped * 100)) : 100;
  return `${whole}${GAP}%`;
}

/** How long something will still take: `about 3 min left`. */
export function timeLeft(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 3) return "a moment left";
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5}${GAP}s left`;
  return `about ${length(Math.ceil(seconds / 60) * 60)} left`;
}

/** A moment beside now: `just now`, `5 min ago`, `3 days ago`, then the date. */
export function ago(moment: Date, now: Date): string {
  const seconds = (now.getTime() - moment.getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))}${GAP}min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)}${GAP}h ago`;
  const days = Math.round(seconds / 86_400);
  if (days < 30) return days === 1 ? "yesterday" : `${days} days ago`;
  return moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** A moment in full, for hovers. */
export function exact(moment: Date): string {
  return moment.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "medium" });
}

/** The time of day: `14:05:09`. */
export function timeOfDay(moment: Date): string {
  return moment.toLocaleTimeString("en-GB");
}

/** A language tag in words; empty for `und`. */
export function language(tag: string): string {
  if (!tag || tag === "und") return "";
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** What people call a codec: `avc1.64001e` is H.264. */
export function codec(name: string): string {
  const known: [RegExp, string][] = [
    [/^(avc|h264)/i, "H.264"],
    [/^(hvc|hev|h265)/i, "HEVC"],
    [/^(av01|av1|libdav1d)/i, "AV1"],
    [/^(vp09|vp9)/i, "VP9"],
    [/^(mp4a|aac)/i, "AAC"],
    [/^opus/i, "Opus"],
    [/^(flac|fLaC)/i, "FLAC"],
    [/^ac-?3/i, "AC-3"],
    [/^(ec-?3|eac3)/i, "E-AC-3"],
  ];
  return known.find(([pattern]) => pattern.test(name))?.[1] ?? name;
}

/** `1 title`, `3 titles`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-GB")} ${n === 1 ? one : many}`;
}

/** Sound channels as on a film's box. */
export function channels(n: number): string {
  return { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" }[n] ?? `${n} channels`;
}

/** A file's name as a first guess of its title: `my_film-final.mp4` is `My film final`. */
export function titleOfFile(filename: string): string {
  const stem = filename.replace(/\.[a-z0-9]{1,5}$/i, "").replace(/[._-]+/g, " ").trim();
  return stem ? stem.charAt(0).toUpperCase() + stem.slice(1) : filename;
}

function scaled(value: number, units: string[]): string {
  let scaledValue = Number.isFinite(value) ? Math.max(0, value) : 0;
  let unit = 0;
  while (scaledValue >= 999.5 && unit < units.length - 1) {
    scaledValue /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && scaledValue < 9.95 ? 1 : 0;
  return `${scaledValue.toFixed(digits)}${GAP}${units[unit]}`;
}
