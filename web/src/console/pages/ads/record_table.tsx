import { useMemo, useState } from "preact/hooks";
import type { AdRecord, AdState, LineItem, Noun } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, Quiet } from "../../../shared/components/small.tsx";
import { queryOf } from "../../../shared/router.ts";
import { printRule } from "../audiences/rule/printing.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../../table/data_table.tsx";
import { MOST, useRecords } from "./calls.ts";
import { fieldsOf, type KindOf, keyOf, kindOf, nameOf } from "./kinds.ts";
import { money } from "./money.ts";
import { ReasonDialog } from "./reason_dialog.tsx";
import { make } from "./undoing.ts";

const narrow = matchMedia("(max-width: 720px)");

/** All records of a kind, or those under one record. */
export function RecordTable({ kind, above }: { kind: KindOf; above?: string }) {
  const { data, error, reload } = useRecords(kind.kind);
  const parents = useRecords(kind.above?.kind ?? "");
  const [turning, setTurning] = useState<{ records: readonly AdRecord[]; state: AdState } | null>(null);
  const named = useMemo(() => new Map((parents.data ?? []).map((record) => [keyOf(record), nameOf(record)])), [parents.data]);
  const columns = useMemo(() => columnsOf(kind, named, above !== undefined), [kind, named, above]);
  if (!data) return error ? <ProblemView error={error} onRetry={reload} small={above !== undefined} /> : <TableSkeleton />;
  const rows = above === undefined ? data : data.filter((record) => kind.above && fieldsOf(record)[kind.above.field] === above);
  if (!rows.length) return above === undefined ? <NoRecords kind={kind} /> : <p class="muted">None yet.</p>;
  return (
    <>
      {data.length >= MOST && <p class="noteworthy">Only the first {MOST.toLocaleString("en-GB")} are here.</p>}
      <DataTable
        rows={rows}
        columns={columns}
        idOf={(record) => record.id}
        noun={kind.one}
        order={{ key: "name", down: false }}
        rowHeight={narrow.matches ? 64 : 54}
        {...(kind.kind === "line_item" ? { bulk: (ticked: readonly AdRecord[]) => <PauseOrResume ticked={ticked} onTurn={(records, state) => setTurning({ records, state })} /> } : {})}
      />
      {turning && (
        <ReasonDialog
          title={`${turning.state === "paused" ? "Pause" : "Resume"} ${turning.records.length === 1 ? nameOf(turning.records[0]!) : `${turning.records.length} line items`}`}
          action={turning.state === "paused" ? "Pause" : "Resume"}
          onClose={() => setTurning(null)}
          onReason={(reason) =>
            make(
              reason,
              turning.records.map((record) => ({ record, noun: { ...record.noun, state: turning.state } as Noun })),
              `${turning.records.length === 1 ? nameOf(turning.records[0]!) : `${turning.records.length} line items`} ${turning.state === "paused" ? "paused" : "resumed"}`,
              reload,
            )
          }
        />
      )}
    </>
  );
}

function PauseOrResume({ ticked, onTurn }: { ticked: readonly AdRecord[]; onTurn: (records: readonly AdRecord[], state: AdState) => void }) {
  const running = ticked.filter((record) => fieldsOf(record)["state"] === "active");
  const paused = ticked.filter((record) => fieldsOf(record)["state"] === "paused");
  return (
    <>
      <button type="button" class="button button-small" disabled={!running.length} onClick={() => onTurn(running, "paused")}>
        <Icon name="pause" size={15} /> Pause {running.length || ""}
      </button>
      <button type="button" class="button button-small" disabled={!paused.length} onClick={() => onTurn(paused, "active")}>
        <Icon name="play" size={15} /> Resume {paused.length || ""}
      </button>
    </>
  );
}

function NoRecords({ kind }: { kind: KindOf }) {
  return (
    <Quiet icon="megaphone" within heading={`No ${kind.many.toLowerCase()} yet`} words={WORDS[kind.kind] ?? `A ${kind.one} is made here, and every change of it is kept with its reason.`} command="ads explain">
      <a class="button button-accent" href={`/console/ads${queryOf({ new: kind.kind })}`}>
        <Icon name="plus" size={18} /> New {kind.one}
      </a>
    </Quiet>
  );
}

const WORDS: Record<string, string> = {
  campaign: "A campaign is one purpose of one advertiser; its orders hold the line items that compete for slots. Begin with the advertiser.",
  insertion_order: "An order is the contract of a campaign: a sum until a day.",
  line_item: "A line item is one promise, one price, one targeting; it stands in an order of a campaign.",
};

function columnsOf(kind: KindOf, named: ReadonlyMap<string, string>, under: boolean): CellColumn<AdRecord>[] {
  const text = (record: AdRecord, field: string) => String(fieldsOf(record)[field] ?? "");
  const has = (field: string) => FIELDS[kind.kind]?.includes(field) ?? false;
  const upper = kind.above;
  const columns: (CellColumn<AdRecord> | false)[] = [
    {
      key: "name",
      heading: "Name",
      width: 240,
      value: (record) => `${nameOf(record)}`,
      cell: (record) => (
        <span class="two-lines">
          <a href={`/console/ads${queryOf({ record: record.id })}`}>{nameOf(record)}</a>
          {upper && !under && <small>{named.get(text(record, upper.field)) ?? ""}</small>}
        </span>
      ),
    },
    upper !== undefined && !under && { key: "above", heading: label(upper.kind), width: 160, hidden: true, value: (record) => named.get(text(record, upper.field)) ?? "", cell: (record) => named.get(text(record, upper.field)) ?? "–" },
    has("state") && { key: "state", heading: "State", width: 110, value: (record) => text(record, "state"), cell: (record) => <StateWords state={text(record, "state")} /> },
    has("tier") && { key: "tier", heading: "Tier", width: 130, value: (record) => text(record, "tier").replaceAll("_", " "), cell: (record) => text(record, "tier").replaceAll("_", " ") },
    has("price") && {
      key: "price",
      heading: "Price",
      width: 160,
      number: true,
      unsearched: true,
      value: (record) => Number(fieldsOf(record)["price_micros"] ?? 0),
      cell: (record) => priceWords(record.noun as LineItem),
    },
    has("targeting") && {
      key: "targeting",
      heading: "Targeting",
      width: 300,
      value: (record) => targetingWords(record.noun as LineItem),
      cell: (record) => <code title={targetingWords(record.noun as LineItem)}>{targetingWords(record.noun as LineItem)}</code>,
    },
    has("budget") && {
      key: "budget",
      heading: "Budget",
      width: 150,
      number: true,
      unsearched: true,
      value: (record) => Number(fieldsOf(record)["budget_micros"] ?? 0),
      cell: (record) => (fieldsOf(record)["budget_micros"] ? money(Number(fieldsOf(record)["budget_micros"]), text(record, "currency")) : "–"),
    },
    has("dates") && { key: "begins", heading: "Runs", width: 190, unsearched: true, value: (record) => text(record, "begins_at"), cell: (record) => `${day(text(record, "begins_at"))} – ${day(text(record, "ends_at"))}` },
    { key: "changed", heading: "Changed", width: 120, unsearched: true, value: (record) => record.at, cell: (record) => <Ago at={record.at} /> },
    { key: "version", heading: "Version", width: 90, number: true, hidden: true, unsearched: true, value: (record) => record.version, cell: (record) => record.version },
    { key: "author", heading: "By", width: 160, hidden: true, value: (record) => record.author, cell: (record) => record.author },
    { key: "id", heading: "Id", width: 320, hidden: true, value: (record) => record.id, cell: (record) => <code>{record.id}</code> },
  ];
  return columns.filter((column) => column !== false);
}

const FIELDS: Record<string, readonly string[]> = {
  advertiser: ["state"],
  brand: ["state"],
  campaign: ["state", "budget", "dates"],
  insertion_order: ["state", "budget", "dates"],
  line_item: ["state", "tier", "price", "targeting"],
  creative: ["state"],
  placement: ["state"],
  break: ["state"],
};

function label(kind: string): string {
  const one = kindOf(kind)?.one ?? kind;
  return one.charAt(0).toUpperCase() + one.slice(1);
}

export function StateWords({ state }: { state: string }) {
  const tone = { active: "done", paused: "refused", draft: "cancelled", archived: "cancelled" }[state] ?? "cancelled";
  return <span class={`state state-${tone}`}>{state.charAt(0).toUpperCase() + state.slice(1)}</span>;
}

function priceWords({ price_micros = 0, currency = "EUR", price_model = "cpm" }: LineItem): string {
  return price_micros ? `${money(price_micros, currency)} ${price_model === "flat" ? "flat" : price_model.toUpperCase()}` : "–";
}

function targetingWords({ targeting }: LineItem): string {
  const rule = targeting ? printRule(targeting) : "true";
  return rule === "true" ? "everybody" : rule;
}

function day(moment: string): string {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? "…" : date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "2-digit" });
}
