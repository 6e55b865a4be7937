/** What a table shows: filtering, ordering and choosing columns, without any drawing. */

export type Value = string | number | boolean | null;

export interface Column<R> {
  key: string;
  heading: string;
  /** What it is sorted and searched by. */
  value: (row: R) => Value;
  /** Share of the width, in pixels at least. */
  width: number;
  number?: boolean;
  /** Not shown until it is chosen. */
  hidden?: boolean;
  /** Of no use in a search. */
  unsearched?: boolean;
}

export interface Order {
  key: string;
  down: boolean;
}

/** Read an order as addresses carry it: `name`, or `-name` for descending. */
export function orderOf(text: string | null, fallback: Order): Order {
  if (!text) return fallback;
  return text.startsWith("-") ? { key: text.slice(1), down: true } : { key: text, down: false };
}

export function orderText({ key, down }: Order): string {
  return down ? `-${key}` : key;
}

/** The order after a click on a heading: up, then down. */
export function turned(order: Order, key: string): Order {
  return order.key === key ? { key, down: !order.down } : { key, down: false };
}

/** Rows in which every word of the search occurs, in any column. */
export function filtered<R>(rows: readonly R[], columns: readonly Column<R>[], search: string): readonly R[] {
  const words = fold(search).split(/\s+/).filter(Boolean);
  if (!words.length) return rows;
  const searched = columns.filter((column) => !column.unsearched);
  return rows.filter((row) => {
    const text = searched.map((column) => fold(String(column.value(row) ?? ""))).join("\n");
    return words.every((word) => text.includes(word));
  });
}

/** Rows in order; equal ones stay as they came, and what has no value comes last. */
export function sorted<R>(rows: readonly R[], columns: readonly Column<R>[], order: Order): readonly R[] {
  const column = columns.find((one) => one.key === order.key);
  if (!column) return rows;
  const sign = order.down ? -1 : 1;
  const keyed = rows.map((row) => ({ row, value: column.value(row) }));
  keyed.sort((a, b) => {
    if (isNothing(a.value) || isNothing(b.value)) return Number(isNothing(a.value)) - Number(isNothing(b.value));
    return sign * compared(a.value, b.value);
  });
  return keyed.map(({ row }) => row);
}

/** The columns to show: those named in the address, or those not hidden. */
export function chosen<R>(columns: readonly Column<R>[], text: string | null): readonly Column<R>[] {
  if (!text) return columns.filter((column) => !column.hidden);
  const wanted = new Set(text.split(","));
  const found = columns.filter((column) => wanted.has(column.key));
  return found.length ? found : columns.filter((column) => !column.hidden);
}

/** The column choice as addresses carry it; empty where it is the usual one. */
export function chosenText<R>(columns: readonly Column<R>[], shown: readonly Column<R>[]): string {
  const usual = columns.filter((column) => !column.hidden).map((column) => column.key);
  const now = shown.map((column) => column.key);
  return usual.join() === now.join() ? "" : now.join();
}

export interface Window {
  first: number;
  /** One past the last. */
  end: number;
  before_px: number;
  after_px: number;
}

/** The rows to draw of a long table, with some beyond either edge. */
export function windowOf(scrolled_px: number, height_px: number, row_px: number, rows: number, beyond = 8): Window {
  const first = Math.min(rows, Math.max(0, Math.floor(scrolled_px / row_px) - beyond));
  const end = Math.min(rows, Math.max(first, Math.ceil((scrolled_px + height_px) / row_px) + beyond));
  return { first, end, before_px: first * row_px, after_px: (rows - end) * row_px };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compared(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

function isNothing(value: Value): boolean {
  return value === null || value === "";
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
