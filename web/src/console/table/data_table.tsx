import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";
import { count } from "../../shared/format.ts";
import { setQuery, usePlace } from "../../shared/navigation.ts";
import { queryOf } from "../../shared/router.ts";
import { type Column, chosen, chosenText, filtered, type Order, orderOf, orderText, sorted, turned, windowOf } from "./model.ts";

export interface CellColumn<R> extends Column<R> {
  cell: (row: R) => ComponentChildren;
}

interface Props<R> {
  rows: readonly R[];
  columns: readonly CellColumn<R>[];
  idOf: (row: R) => string;
  /** What the rows are: `title`. */
  noun: string;
  order: Order;
  rowHeight?: number;
  tools?: ComponentChildren;
  /** Actions on the rows ticked; without it nothing can be ticked. */
  bulk?: (rows: readonly R[]) => ComponentChildren;
}

/** Thousands of rows: only those in sight are drawn; the address carries search, order and columns. */
export function DataTable<R>({ rows, columns, idOf, noun, order: usual, rowHeight = 52, tools, bulk }: Props<R>) {
  const { query } = usePlace();
  const asked = useMemo(() => new URLSearchParams(query), [query]);
  const search = asked.get("q") ?? "";
  const order = orderOf(asked.get("sort"), usual);
  const shown = chosen(columns, asked.get("cols")) as readonly CellColumn<R>[];
  const visible = useMemo(() => sorted(filtered(rows, columns, search), columns, order), [rows, columns, search, order.key, order.down]);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const tickedRows = rows.filter((row) => ticked.has(idOf(row)));

  const put = (change: Record<string, string>) => setQuery(queryOf({ ...Object.fromEntries(asked), ...change }));
  const tick = (ids: readonly string[], on: boolean) => {
    const next = new Set(ticked);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    setTicked(next);
  };
  return (
    <div class="data">
      <div class="data-tools">
        <label class="search">
          <Icon name="search" size={18} />
          <input type="search" placeholder={`Search ${noun}s`} aria-label={`Search ${noun}s`} value={search} onInput={(event) => put({ q: event.currentTarget.value })} />
        </label>
        {tools}
        <span class="data-count" role="status">
          {search ? `${visible.length.toLocaleString("en-GB")} of ${count(rows.length, noun)}` : count(rows.length, noun)}
        </span>
        <ColumnMenu columns={columns} shown={shown} onChange={(next) => put({ cols: chosenText(columns, next) })} />
      </div>
      {bulk && tickedRows.length > 0 && (
        <div class="bulk" role="region" aria-label="Actions on the rows ticked">
          <strong>{count(tickedRows.length, noun)} ticked</strong>
          {bulk(tickedRows)}
          <button type="button" class="link-button" onClick={() => setTicked(new Set())}>
            Untick all
          </button>
        </div>
      )}
      <Rows
        {...{ visible, shown, idOf, order, rowHeight, ticked, noun }}
        onOrder={(key) => put({ sort: orderText(turned(order, key)) })}
        onTick={bulk ? tick : undefined}
        resetKey={`${search}|${orderText(order)}`}
      />
    </div>
  );
}

interface RowsProps<R> {
  visible: readonly R[];
  shown: readonly CellColumn<R>[];
  idOf: (row: R) => string;
  order: Order;
  rowHeight: number;
  ticked: ReadonlySet<string>;
  noun: string;
  resetKey: string;
  onOrder: (key: string) => void;
  onTick: ((ids: readonly string[], on: boolean) => void) | undefined;
}

function Rows<R>({ visible, shown, idOf, order, rowHeight, ticked, noun, resetKey, onOrder, onTick }: RowsProps<R>) {
  const frame = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const look = () => setSight({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, []);
  useEffect(() => frame.current?.scrollTo({ top: 0 }), [resetKey]);

  const { first, end, before_px, after_px } = windowOf(sight.top, sight.height, rowHeight, visible.length);
  const width = shown.reduce((total, column) => total + column.width, onTick ? 48 : 0);
  const across = shown.length + (onTick ? 1 : 0);
  const allTicked = visible.length > 0 && visible.every((row) => ticked.has(idOf(row)));
  return (
    <div class="data-frame" ref={frame} tabIndex={0} role="region" aria-label={`Table of ${noun}s`}>
      <table class="data-table" style={{ minWidth: `${width}px`, "--row": `${rowHeight}px` }} aria-rowcount={visible.length + 1}>
        <colgroup>
          {onTick && <col style={{ width: "48px" }} />}
          {shown.map((column) => (
            <col key={column.key} style={{ width: `${(column.width / width) * 100}%` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {onTick && (
              <th class="tick">
                <input type="checkbox" aria-label="Tick all" checked={allTicked} onChange={() => onTick(visible.map(idOf), !allTicked)} />
              </th>
            )}
            {shown.map((column) => {
              const here = order.key === column.key;
              return (
                <th key={column.key} class={column.number ? "number" : ""} aria-sort={here ? (order.down ? "descending" : "ascending") : "none"}>
                  <button type="button" class={here ? "sorted" : ""} onClick={() => onOrder(column.key)}>
                    {column.heading}
                    <span aria-hidden="true">{here ? (order.down ? "↓" : "↑") : ""}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {before_px > 0 && (
            <tr aria-hidden="true" style={{ height: `${before_px}px` }}>
              <td colSpan={across} />
            </tr>
          )}
          {visible.slice(first, end).map((row, index) => {
            const id = idOf(row);
            return (
              <tr key={id} class={ticked.has(id) ? "row ticked" : "row"} aria-rowindex={first + index + 2}>
                {onTick && (
                  <td class="tick">
                    <input type="checkbox" aria-label="Tick this row" checked={ticked.has(id)} onChange={(event) => onTick([id], event.currentTarget.checked)} />
                  </td>
                )}
                {shown.map((column) => (
                  <td key={column.key} class={column.number ? "number" : ""}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {after_px > 0 && (
            <tr aria-hidden="true" style={{ height: `${after_px}px` }}>
              <td colSpan={across} />
            </tr>
          )}
        </tbody>
      </table>
      {visible.length === 0 && <p class="data-none">No {noun} fits. Change the search to see more.</p>}
    </div>
  );
}

function ColumnMenu<R>({ columns, shown, onChange }: { columns: readonly Column<R>[]; shown: readonly Column<R>[]; onChange: (next: readonly Column<R>[]) => void }) {
  const root = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const away = (event: Event) => {
      const leaving = event instanceof KeyboardEvent ? event.key === "Escape" : !root.current?.contains(event.target as Node);
      if (leaving && root.current) root.current.open = false;
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", away);
    };
  }, []);
  return (
    <details class="columns" ref={root}>
      <summary class="button button-small">
        <Icon name="columns" size={18} /> <span>Columns</span>
      </summary>
      <div class="menu">
        {columns.map((column) => {
          const on = shown.includes(column);
          return (
            <label class="menu-item" key={column.key}>
              <input
                type="checkbox"
                checked={on}
                disabled={on && shown.length === 1}
                onChange={() => onChange(columns.filter((one) => (one === column ? !on : shown.includes(one))))}
              />
              {column.heading}
            </label>
          );
        })}
      </div>
    </details>
  );
}

/** The table's shape while its rows are on their way. */
export function TableSkeleton() {
  return (
    <div class="data" role="status" aria-label="Loading">
      <div class="data-tools">
        <span class="skeleton" style={{ width: "260px", height: "44px" }} />
      </div>
      <div class="data-frame">
        {Array.from({ length: 9 }, (_, row) => (
          <div class="row-skeleton" key={row}>
            {[38, 16, 12, 20].map((width) => (
              <span key={width} class="skeleton line" style={{ width: `${width - (row % 3) * 3}%` }} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
