import { useMemo, useState } from "preact/hooks";
import type { AdRecord, Noun } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Field, Quiet, Skeleton } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { navigate } from "../../../shared/navigation.ts";
import { ApiError, asApiError, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import * as audienceCalls from "../audiences/calls.ts";
import { useCheck } from "../audiences/rule/use_check.ts";
import * as calls from "./calls.ts";
import { History } from "./history.tsx";
import { below, fieldsOf, KINDS, type KindOf, kindOf, nameOf } from "./kinds.ts";
import { RecordTable, StateWords } from "./record_table.tsx";
import { reasonProblem } from "./reason_dialog.tsx";
import { beginningOf, type Fields, placed, problemsOf, type Schema, type Schemas } from "./schema.ts";
import { type Around, SchemaForm } from "./schema_form.tsx";
import { make } from "./undoing.ts";

interface Props {
  id?: string;
  /** The kind of a record that is to be. */
  fresh?: KindOf;
  /** The record that a new one stands under. */
  above?: string;
}

/** One record, or one that is to be: what it says, its versions, and what stands under it. */
export function RecordPage({ id = "", fresh, above = "" }: Props) {
  const schemas = useResource("ads schemas", calls.schemas);
  const found = useResource<AdRecord | null>(`ads record ${id}`, (signal) => (id ? calls.record(id, signal) : Promise.resolve(null)));
  const kind = fresh ?? (found.data ? kindOf(found.data.kind) : undefined);
  if (found.error?.problem.status === 404) return <NoRecord id={id} />;
  const error = schemas.error ?? found.error;
  if (!schemas.data || !kind) return error ? <ProblemView error={error} onRetry={() => (schemas.reload(), found.reload())} /> : <FormSkeleton />;
  const record = fresh ? null : found.data;
  return (
    <section class="page record-page">
      <RecordForm key={record?.version ?? 0} kind={kind} record={record} above={above} schemas={schemas.data} onSaved={found.reload} />
      {record && (
        <>
          {below(kind.kind).map((one) => (
            <section key={one.kind} class="record-below" aria-label={one.many}>
              <div class="page-head">
                <h2>{one.many}</h2>
                <a class="button button-small" href={`/console/ads${queryOf({ new: one.kind, above: record.id })}`}>
                  <Icon name="plus" size={16} /> New {one.one}
                </a>
              </div>
              <RecordTable kind={one} above={record.id} />
            </section>
          ))}
          <History record={record} onChange={found.reload} />
        </>
      )}
    </section>
  );
}

interface FormProps {
  kind: KindOf;
  record: AdRecord | null;
  above: string;
  schemas: Schemas;
  onSaved: () => void;
}

function RecordForm({ kind, record, above, schemas, onSaved }: FormProps) {
  const [value, setValue] = useState<Fields>(() => (record ? fieldsOf(record) : { ...(beginningOf(schemas, schemas[kind.schema] as Schema) as Fields), is: kind.kind, ...(kind.above && above ? { [kind.above.field]: above } : {}) }));
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [unfinished, setUnfinished] = useState<ReadonlySet<string>>(new Set());
  const [touched, setTouched] = useState(Boolean(record));
  const adTypes = calls.useRecords(kind.kind === "creative" ? "ad_type" : "").data;
  const schema = useMemo(() => schemaOf(schemas, kind, value, adTypes ?? []), [schemas, kind, value["ad_type"], adTypes]);
  const own = useMemo(() => problemsOf(schemas, schema, value), [schemas, schema, value]);
  const text = JSON.stringify(value);
  const same = record !== null && text === JSON.stringify(record.noun);
  const edits = [{ noun: value as unknown as Noun, ...(record ? { id: record.id, version: record.version } : {}) }];
  const check = useCheck(own.size || unfinished.size || same ? "" : text, (signal) => tried(edits, signal));
  const there = check.told && "path" in check.told ? check.told : null;
  const elsewhere = there && !shownAt(schema, there.path) ? there : null;
  const problems = useMemo(() => {
    const all = new Map(touched ? own : []);
    if (there) all.set(there.path, sentence(there.words));
    return all;
  }, [own, there, touched]);
  const around = useAround(kind, schemas, problems, String(value["currency"] ?? "EUR"), (path, on) => {
    if (unfinished.has(path) !== on) setUnfinished(new Set(on ? [...unfinished, path] : [...unfinished].filter((one) => one !== path)));
  });
  const ready = !same && !own.size && !unfinished.size && !there && !check.pending && !reasonProblem(reason);
  const save = async () => {
    setBusy(true);
    setFailure(null);
    try {
      if (record) {
        await make(reason.trim(), [{ record, noun: edits[0]!.noun }], `${nameOf(record)} is changed`, onSaved);
      } else {
        const { records } = await calls.change({ reason: reason.trim(), edits });
        const made = records[0]!;
        toast(`${nameOf(made)} is made`, { tone: "good" });
        navigate(`/console/ads${queryOf({ record: made.id })}`, { replace: true });
      }
    } catch (problem) {
      setFailure(asApiError(problem));
      setBusy(false);
    }
  };
  return (
    <form
      class="record-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void save();
      }}
    >
      <div class="page-head">
        <span class="head-title">
          <Back kind={kind} value={value} />
          <h1>{record ? nameOf(record) : `New ${kind.one}`}</h1>
          {typeof value["state"] === "string" && record && <StateWords state={String(fieldsOf(record)["state"])} />}
        </span>
      </div>
      {failure && <ProblemView error={failure} {...(failure.problem.status === 409 ? { onRetry: onSaved } : {})} small />}
      <div class="record-fields">
        <SchemaForm
          schema={schema}
          value={value}
          around={around}
          without={record && kind.named ? ["name"] : []}
          onChange={(next) => {
            setTouched(true);
            setValue(next);
          }}
        />
      </div>
      <div class="save-bar">
        <p class="save-said" role="status">
          {elsewhere ? <span class="items-wrong">{sentence(elsewhere.words)}</span> : touched ? saidOf(same, own.size + unfinished.size + (there ? 1 : 0), check.pending, check.error) : "What does not fit is said while you type."}
        </p>
        <Field label="Reason" error={reason ? reasonProblem(reason) : undefined}>
          {(ids) => <input {...ids} class="input" placeholder="What no later reader can guess" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />}
        </Field>
        <button type="submit" class="button button-accent" disabled={!ready || busy}>
          {busy ? "Saving…" : record ? "Save" : "Make it"}
        </button>
      </div>
    </form>
  );
}

/** Try a change without making it; what is wrong comes back as a place and words. */
async function tried(edits: { noun: Noun; id?: string; version?: number }[], signal: AbortSignal): Promise<{ path: string; words: string } | { fits: true }> {
  try {
    await calls.change({ reason: "tried while typing", edits, only_check: true }, signal);
    return { fits: true };
  } catch (failure) {
    if (failure instanceof ApiError && [404, 409, 422].includes(failure.problem.status)) return placed(failure.problem.detail);
    throw failure;
  }
}

/** Whether the form has a field at a path; words about anything else stand by the button. */
function shownAt(schema: Schema, path: string): boolean {
  return (/^[a-z_]+/.exec(path)?.[0] ?? "") in (schema.properties ?? {});
}

/** The schema of a kind; of creatives, with what their type of ad asks for. */
function schemaOf(schemas: Schemas, kind: KindOf, value: Fields, adTypes: readonly AdRecord[]): Schema {
  const schema = schemas[kind.schema] as Schema;
  const adType = kind.kind === "creative" ? adTypes.find((one) => nameOf(one) === value["ad_type"]) : undefined;
  if (!adType) return schema;
  return { ...schema, properties: { ...schema.properties, attributes: { type: "object", ...(fieldsOf(adType)["schema"] as Schema) } } };
}

function saidOf(same: boolean, wrong: number, pending: boolean, error: ApiError | null): string {
  if (error) return sentence(error.problem.detail);
  if (same) return "Nothing is changed yet.";
  if (wrong) return wrong === 1 ? "One field needs another look." : `${wrong} fields need another look.`;
  return pending ? "Checking…" : "Fits; say why, then save.";
}

function useAround(kind: KindOf, schemas: Schemas, problems: ReadonlyMap<string, string>, currency: string, onUnfinished: Around["onUnfinished"]): Around {
  const kinds = [...new Set(Object.values(kind.names))];
  const wanted = (one: string) => calls.useRecords(kinds.includes(one) || (kind.kind === "line_item" && (one === "audience" || one === "dimension")) ? one : "").data;
  // One of each kind, in the same order at every drawing, as hooks want it.
  const found = new Map(KINDS.map((one) => [one.kind, wanted(one.kind)]));
  const audiences = useResource(kinds.includes("audience()") ? "audiences" : "no audiences", async (signal) => (kinds.includes("audience()") ? audienceCalls.all(signal) : []));
  return { schemas, problems, names: kind.names, recordsOf: (one) => found.get(one) ?? [], audiences: (audiences.data ?? []).map((one) => one.name), currency, onUnfinished };
}

function Back({ kind, value }: { kind: KindOf; value: Fields }) {
  const upper = kind.above && String(value[kind.above.field] ?? "");
  const to = upper && kind.above ? queryOf({ record: upper }) : queryOf({ kind: kind.kind });
  const words = upper && kind.above ? `To the ${kindOf(kind.above.kind)?.one ?? kind.above.kind}` : `To all ${kind.many.toLowerCase()}`;
  return (
    <a class="icon-button" href={`/console/ads${to}`} aria-label={words} title={words}>
      <Icon name="arrowLeft" size={20} />
    </a>
  );
}

function NoRecord({ id }: { id: string }) {
  return (
    <Quiet icon="megaphone" heading="No such record" words={`There is no record ${id}; the address may have a slip in it.`}>
      <a class="button" href="/console/ads">
        To the campaigns
      </a>
    </Quiet>
  );
}

function FormSkeleton() {
  return (
    <section class="page" role="status" aria-label="Loading">
      <Skeleton style={{ width: "300px", height: "40px" }} />
      <div class="record-fields">
        {[0, 1, 2, 3, 4, 5].map((field) => (
          <Skeleton key={field} style={{ height: "66px" }} />
        ))}
      </div>
    </section>
  );
}
