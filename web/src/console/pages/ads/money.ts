/** Money: whole micros on the wire, decimals before people; never through floating point. */

/** Micros as a decimal: `20000000` is `20`, `1500000` is `1.5`. */
export function decimal(micros: number): string {
  const sign = micros < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(micros) / 1_000_000);
  const rest = String(Math.abs(micros) % 1_000_000).padStart(6, "0").replace(/0+$/, "");
  return `${sign}${whole}${rest ? `.${rest.padEnd(2, "0")}` : ""}`;
}

/** The micros of a decimal; null where it is none, or finer than a micro. */
export function microsOf(text: string): number | null {
  const found = /^(\d{1,9})(?:[.,](\d{0,6}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 1_000_000 + Number((found[2] ?? "").padEnd(6, "0")) : null;
}

/** Money as people read it: `20,000.00 EUR`. */
export function money(micros: number, currency: string): string {
  return `${(micros / 1_000_000).toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}\u00a0${currency}`;
}
