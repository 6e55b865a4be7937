import { useEffect, useMemo, useState } from "preact/hooks";
import type { Title, TitleChange } from "../../api/types.ts";
import { Confirm, Dialog } from "../../shared/components/dialog.tsx";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Ago, Field, Quiet } from "../../shared/components/small.tsx";
import { toast } from "../../shared/components/toast.tsx";
import { audioLanguages, codecsOf, tallest } from "../../shared/facts.ts";
import { bytes, clockLength, count } from "../../shared/format.ts";
import { onLive, TITLE_KINDS } from "../../shared/live.ts";
import { asApiError, sentence } from "../../shared/problem.ts";
import { useResource } from "../../shared/resource.ts";
import { nameProblem, yearProblem } from "../../shared/rules.ts";
import { api } from "../../shared/session.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../table/data_table.tsx";
import { InlineEdit } from "../table/inline_edit.tsx";

const narrow = matchMedia("(max-width: 720px)");

/** Every title: find, edit in place, withdraw. */
export function Titles() {
  const { data: titles, error, reload, set } = useResource("titles", api.titles);
  const [leaving, setLeaving] = useState<readonly Title[]>([]);
  const [moving, setMoving] = useState<readonly Title[]>([]);
  useEffect(() => {
    const stops = TITLE_KINDS.map((kind) => onLive(kind, reload));
    return () => stops.forEach((stop) => stop());
  }, [reload]);

  const put = (changed: readonly Title[]) => {
    const bySlug = new Map(changed.map((title) => [title.id, title]));
    set((titles ?? []).map((title) => bySlug.get(title.id) ?? title));
  };
  const change = (before: readonly Title[], what: TitleChange, back: (title: Title) => TitleChange, said: string) =>
    void changeAll(before, () => what, put, () => {
      toast(said, { tone: "good", action: { label: "Undo", run: () => void changeAll(before, back, put, () => toast("Taken back")) } });
    });
  const columns = useMemo(() => titleColumns(change, (title) => setLeaving([title])), [titles]);

  if (!titles) return error ? <ProblemView error={error} onRetry={reload} /> : <Page body={<TableSkeleton />} />;
  if (!titles.length) {
    return (
      <Quiet icon="film" heading="No titles yet" words="Upload a film; when it is encoded, its title stands here." command="upload film.mp4">
        <a class="button button-accent" href="/upload">
          <Icon name="upload" size={18} /> Upload a film
        </a>
      </Quiet>
    );
  }
  return (
    <Page
      body={
        <>
          <DataTable
            rows={titles}
            columns={columns}
            idOf={(title) => title.id}
            noun="title"
            order={{ key: "published", down: true }}
            rowHeight={narrow.matches ? 68 : 52}
            bulk={(ticked) => (
              <>
                <button type="button" class="button button-small" onClick={() => setMoving(ticked)}>
                  Move to a row…
                </button>
                <button type="button" class="button button-small" onClick={() => setLeaving(ticked)}>
                  <Icon name="trash" size={16} /> Withdraw…
                </button>
              </>
            )}
          />
          {leaving.length > 0 && <Withdraw titles={leaving} onClose={() => setLeaving([])} onDone={reload} />}
          {moving.length > 0 && (
            <MoveToRow
              titles={moving}
              rows={[...new Set(titles.map((title) => title.row))]}
              onClose={() => setMoving([])}
              onMove={(row) => change(moving, { row }, (title) => ({ row: title.row }), `${count(moving.length, "title")} moved to ${row}`)}
            />
          )}
        </>
      }
    />
  );
}

function Page({ body }: { body: preact.ComponentChildren }) {
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Titles</h1>
        <a class="button button-accent button-small" href="/upload">
          <Icon name="upload" size={16} /> Upload
        </a>
      </div>
      {body}
    </section>
  );
}

/** Change several titles one after another; what failed is said, what worked stays. */
async function changeAll(before: readonly Title[], what: (title: Title) => TitleChange, put: (titles: readonly Title[]) => void, onDone: () => void): Promise<void> {
  const changed: Title[] = [];
  try {
    for (const title of before) changed.push(await api.changeTitle(title.slug, what(title)));
    onDone();
  } catch (error) {
    toast(sentence(asApiError(error).problem.detail), { tone: "bad", stay_ms: 8000 });
  } finally {
    put(changed);
  }
}

type Change = (before: readonly Title[], what: TitleChange, back: (title: Title) => TitleChange, said: string) => void;

function titleColumns(change: Change, onWithdraw: (title: Title) => void): CellColumn<Title>[] {
  return [
    {
      key: "name",
      heading: "Name",
      width: 280,
      value: (title) => title.name,
      cell: (title) => (
        <span class="named">
          <InlineEdit value={title.name} label="Name" check={nameProblem} onSave={(name) => change([title], { name }, (old) => ({ name: old.name }), `Renamed to ${name}`)} />
          <small>/t/{title.slug}</small>
        </span>
      ),
    },
    {
      key: "row",
      heading: "Row",
      width: 220,
      value: (title) => title.row,
      cell: (title) => (
        <InlineEdit
          value={title.row}
          label="Row"
          check={(text) => (text.trim() ? undefined : "A row has a heading")}
          onSave={(row) => change([title], { row }, (old) => ({ row: old.row }), `Moved to ${row}`)}
        />
      ),
    },
    {
      key: "year",
      heading: "Year",
      width: 118,
      number: true,
      value: (title) => title.year || null,
      cell: (title) => (
        <InlineEdit
          value={title.year ? String(title.year) : ""}
          label="Year"
          number
          check={yearProblem}
          onSave={(text) => change([title], { year: Number(text) }, (old) => ({ year: old.year }), text ? `Year is ${text}` : "Year is unknown")}
        />
      ),
    },
    { key: "length", heading: "Length", width: 90, number: true, unsearched: true, value: (t) => t.publication.media.duration_s, cell: (t) => clockLength(t.publication.media.duration_s) },
    { key: "tallest", heading: "Up to", width: 80, number: true, value: (t) => Number.parseInt(tallest(t.publication.renditions), 10) || null, cell: (t) => tallest(t.publication.renditions) || "–" },
    { key: "renditions", heading: "Renditions", width: 110, number: true, hidden: true, unsearched: true, value: (t) => t.publication.renditions.length, cell: (t) => t.publication.renditions.length },
    { key: "codecs", heading: "Codecs", width: 120, hidden: true, value: codecsOf, cell: codecsOf },
    { key: "audio", heading: "Audio", width: 120, hidden: true, value: (t) => audioLanguages(t).join(", "), cell: (t) => audioLanguages(t).join(", ") || "–" },
    { key: "size", heading: "Encoded", width: 100, number: true, hidden: true, unsearched: true, value: encodedBytes, cell: (t) => bytes(encodedBytes(t)) },
    { key: "published", heading: "Published", width: 120, unsearched: true, value: (t) => t.published_at, cell: (t) => <Ago at={t.published_at} /> },
    {
      key: "address",
      heading: "Address",
      width: 170,
      value: (title) => title.slug,
      cell: (title) => (
        <span class="cell-actions">
          <a class="cell-link" href={`/t/${encodeURIComponent(title.slug)}`} title={`/t/${title.slug}`}>
            /t/{title.slug}
          </a>
          <button type="button" class="icon-button icon-button-small" aria-label={`Withdraw ${title.name}`} title="Withdraw" onClick={() => onWithdraw(title)}>
            <Icon name="trash" size={17} />
          </button>
        </span>
      ),
    },
  ];
}

function encodedBytes(title: Title): number {
  return title.publication.renditions.reduce((total, one) => total + one.size_bytes, 0);
}

function Withdraw({ titles, onClose, onDone }: { titles: readonly Title[]; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const what = titles.length === 1 ? (titles[0] as Title).name : count(titles.length, "title");
  const withdraw = async () => {
    setBusy(true);
    try {
      for (const title of titles) await api.withdraw(title.slug);
      toast(`${what} withdrawn`);
    } catch (error) {
      toast(sentence(asApiError(error).problem.detail), { tone: "bad", stay_ms: 8000 });
    }
    onDone();
    onClose();
  };
  return (
    <Confirm
      title={`Withdraw ${what}?`}
      words="It leaves the site at once, for everybody. This cannot be undone: to have it back, it must be uploaded again."
      action="Withdraw"
      busy={busy}
      onConfirm={() => void withdraw()}
      onClose={onClose}
    />
  );
}

function MoveToRow({ titles, rows, onMove, onClose }: { titles: readonly Title[]; rows: string[]; onMove: (row: string) => void; onClose: () => void }) {
  const [row, setRow] = useState("");
  return (
    <Dialog title={`Move ${count(titles.length, "title")}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onMove(row.trim());
          onClose();
        }}
      >
        <Field label="Row" hint="The heading on the home page; a new one makes a new row">
          {(ids) => <input {...ids} class="input" list="rows-known" value={row} onInput={(event) => setRow(event.currentTarget.value)} />}
        </Field>
        <datalist id="rows-known">
          {rows.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-accent" disabled={!row.trim()}>
            Move
          </button>
        </div>
      </form>
    </Dialog>
  );
}
