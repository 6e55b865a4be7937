import { useState } from "preact/hooks";
import type { ExplainQuestion, Explanation, Judged } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { CopyCommand, Field, Quiet, Skeleton } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { setQuery, usePlace } from "../../../shared/navigation.ts";
import { asApiError, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import * as audienceCalls from "../audiences/calls.ts";
import * as calls from "./calls.ts";
import { nameOf } from "./kinds.ts";
import { fromLocal } from "./moments.ts";

const PAGE = 200;

const DEGRADED: Record<string, string> = {
  stranger: "Asked for a stranger: nothing of a profile was used.",
  no_profile: "Nothing is known of this viewer: the context alone was used.",
  no_consent: "This viewer has not consented to ads: the context alone was used.",
  stale: "What is known of this viewer is older than it should be: the context alone was used.",
  unavailable: "Profiles cannot be read at the moment: the context alone was used.",
};

interface Asked {
  viewer: string;
  place: string;
  at: string;
  /** `country=DE`, a line each. */
  facts: readonly (readonly [string, string])[];
}

/** Why each line item may serve a viewer at a break, or why not. */
export function Explain() {
  const query = new URLSearchParams(usePlace().query);
  const [asked, setAsked] = useState<Asked>(() => askedOf(query));
  const ran = query.has("go");
  const breaks = calls.useRecords("break");
  const placements = calls.useRecords("placement");
  const dimensions = useResource("audience-dimensions", audienceCalls.dimensions);
  const placed = (id: unknown) => placements.data?.find((one) => one.id === id);
  const known = (dimensions.data ?? []).map(({ dimension, words }) => ({ name: dimension.name, values: dimension.values?.length ? dimension.values : words }));
  const put = (change: Partial<Asked>) => setAsked({ ...asked, ...change });
  const ask = () =>
    setQuery(
      queryOf({
        view: "explain",
        viewer: asked.viewer.trim(),
        break: asked.place,
        at: asked.at,
        facts: asked.facts.filter(([name, value]) => name && value).map(([name, value]) => `${name}=${value}`).join("\n"),
        go: String(Number(query.get("go") ?? 0) + 1),
      }),
    );
  return (
    <div class="explain">
      <form
        class="panel explain-form"
        aria-label="Whom, where and when"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Field label="Viewer" hint="Identifier in the file of features; empty: a stranger">
          {(ids) => <input {...ids} class="input" autocomplete="off" autocapitalize="none" spellcheck={false} value={asked.viewer} onInput={(event) => put({ viewer: event.currentTarget.value })} />}
        </Field>
        <Field label="Break" hint="Tells placement and title">
          {(ids) => (
            <select {...ids} class="input" value={asked.place} onChange={(event) => put({ place: event.currentTarget.value })}>
              <option value="">None in particular</option>
              {breaks.data?.map((record) => {
                const placement = placed((record.noun as { placement?: string }).placement);
                return (
                  <option key={record.id} value={record.id}>
                    {placement ? `${nameOf(placement)}, ` : ""}
                    {nameOf(record)}
                  </option>
                );
              })}
            </select>
          )}
        </Field>
        <Field label="Moment" hint="Empty: now">
          {(ids) => <input {...ids} class="input" type="datetime-local" step={1} value={asked.at} onInput={(event) => put({ at: event.currentTarget.value })} />}
        </Field>
        <fieldset class="facts">
          <legend>What else is known</legend>
          {asked.facts.map(([name, value], place) => (
            <FactRow
              key={place}
              name={name}
              value={value}
              known={known}
              onChange={(fact) => put({ facts: asked.facts.map((one, at) => (at === place ? fact : one)) })}
              onRemove={() => put({ facts: asked.facts.filter((_, at) => at !== place) })}
            />
          ))}
          <button type="button" class="button button-small" onClick={() => put({ facts: [...asked.facts, ["", ""]] })}>
            <Icon name="plus" size={16} /> Fact
          </button>
        </fieldset>
        <div class="explain-go">
          <button type="submit" class="button button-accent">
            Explain
          </button>
        </div>
      </form>
      {ran ? (
        <Answer key={query.get("go")} asked={askedOf(query)} />
      ) : (
        <Quiet icon="info" within heading="Why, or why not" words="Say who watches, where and when: each line item's verdict appears, with the first reason why not." command="ads explain --viewer user-0000000042 --fact country=DE" />
      )}
    </div>
  );
}

function FactRow({ name, value, known, onChange, onRemove }: { name: string; value: string; known: readonly { name: string; values: readonly string[] }[]; onChange: (fact: [string, string]) => void; onRemove: () => void }) {
  const values = known.find((one) => one.name === name)?.values ?? [];
  return (
    <div class="fact">
      <select class="input" aria-label="Dimension" value={name} onChange={(event) => onChange([event.currentTarget.value, value])}>
        {!known.some((one) => one.name === name) && <option value={name}>{name || "Choose…"}</option>}
        {known.map((one) => (
          <option key={one.name}>{one.name}</option>
        ))}
      </select>
      <input class="input" aria-label={`Value of ${name || "the dimension"}`} placeholder="DE" list={`values-of-${name}`} value={value} onInput={(event) => onChange([name, event.currentTarget.value])} />
      <datalist id={`values-of-${name}`}>
        {values.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="button" class="icon-button" aria-label="Take this fact away" onClick={onRemove}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

function askedOf(query: URLSearchParams): Asked {
  const facts = (query.get("facts") ?? "").split("\n").filter(Boolean);
  return {
    viewer: query.get("viewer") ?? "",
    place: query.get("break") ?? "",
    at: query.get("at") ?? "",
    facts: facts.map((fact) => {
      const equals = fact.indexOf("=");
      return [fact.slice(0, equals), fact.slice(equals + 1)] as const;
    }),
  };
}

function questionOf(asked: Asked): ExplainQuestion {
  const moment = fromLocal(asked.at);
  return {
    viewer: asked.viewer,
    break_id: asked.place,
    spelled: Object.fromEntries(asked.facts),
    ...(moment ? { at: moment } : {}),
    utc_offset_s: -new Date(moment ?? Date.now()).getTimezoneOffset() * 60,
  };
}

/** The same question, as it is asked on the command line. */
function commandOf({ viewer, place, at, facts }: Asked): string {
  const moment = fromLocal(at);
  const words = [viewer && `--viewer ${quoted(viewer)}`, place && `--break ${place}`, ...facts.map(([name, value]) => `--fact ${quoted(`${name}=${value}`)}`), moment && `--at ${moment}`];
  return ["ads explain", ...words.filter(Boolean)].join(" ");
}

function quoted(word: string): string {
  return /^[\w=.,:@/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function Answer({ asked }: { asked: Asked }) {
  const query = new URLSearchParams(usePlace().query);
  const reason = query.get("reason") ?? "";
  const like = query.get("q") ?? "";
  const [more, setMore] = useState<readonly Judged[]>([]);
  const page = { ...(reason === SERVING ? { may_serve: true } : reason ? { reasons: [reason] } : {}), ...(like ? { like } : {}), at_most: PAGE };
  const key = JSON.stringify([questionOf({ ...asked }), page, query.get("go")]);
  const { data, error, reload } = useResource(`explain ${key}`, (signal) => calls.explain({ ...questionOf(asked), page }, signal));
  const [next, setNext] = useState<{ key: string; after: number | null } | null>(null);
  const [last, setLast] = useState<Explanation | null>(null);
  if (data && data !== last) {
    setLast(data);
    setMore([]);
    setNext(null);
  }
  const shown = data ?? last;
  if (error && !data) return <ProblemView error={error} onRetry={reload} small />;
  if (!shown) return <AnswerSkeleton />;
  const put = (change: Record<string, string>) => setQuery(queryOf({ ...Object.fromEntries(query), ...change }));
  const after = next?.key === key ? next.after : shown.after;
  const fetchMore = async () => {
    try {
      const found = await calls.explain({ ...questionOf(asked), page: { ...page, after: after ?? 0 } });
      setMore([...more, ...found.verdicts]);
      setNext({ key, after: found.after });
    } catch (failure) {
      toast(sentence(asApiError(failure).problem.detail), { tone: "bad", stay_ms: 8000 });
    }
  };
  return (
    <section class={data ? "verdicts" : "verdicts verdicts-older"} aria-label="Verdicts" aria-busy={!data}>
      {DEGRADED[shown.degraded] && (
        <p class={shown.degraded === "stranger" ? "muted" : "noteworthy"}>
          <Icon name="info" size={17} /> {DEGRADED[shown.degraded]}
        </p>
      )}
      <Counts shown={shown} chosen={reason} onChoose={(next) => put({ reason: next === reason ? "" : next })} />
      <label class="search">
        <Icon name="search" size={18} />
        <input type="search" placeholder="Search line items" aria-label="Search line items" value={like} onInput={(event) => put({ q: event.currentTarget.value })} />
      </label>
      <VerdictTable verdicts={[...shown.verdicts, ...more]} onReason={(next) => put({ reason: next })} />
      {shown.found > shown.verdicts.length + more.length && (
        <button type="button" class="button" onClick={() => void fetchMore()}>
          Show more of {shown.found.toLocaleString("en-GB")}
        </button>
      )}
      <CopyCommand words={commandOf(asked)} />
    </section>
  );
}

const SERVING = "may serve";

function Counts({ shown, chosen, onChoose }: { shown: Explanation; chosen: string; onChoose: (reason: string) => void }) {
  const counts: [string, number][] = [[SERVING, shown.serving], ...Object.entries(shown.reasons).sort(([, a], [, b]) => b - a)];
  return (
    <div class="reason-counts" role="group" aria-label={`Of ${shown.total} line items`}>
      {counts.map(([reason, count]) => (
        <button type="button" key={reason} class={reason === SERVING ? "reason-count reason-good" : "reason-count"} aria-pressed={reason === chosen} onClick={() => onChoose(reason)}>
          <strong class="number">{count.toLocaleString("en-GB")}</strong> {reason}
        </button>
      ))}
    </div>
  );
}

function VerdictTable({ verdicts, onReason }: { verdicts: readonly Judged[]; onReason: (reason: string) => void }) {
  if (!verdicts.length) return <p class="muted">No line item fits.</p>;
  return (
    <div class="data-frame" tabIndex={0} role="region" aria-label="Table of verdicts">
      <table class="data-table verdict-table">
        <colgroup>
          <col style={{ width: "30%" }} />
          <col style={{ width: "18%" }} />
          <col />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">Line item</th>
            <th scope="col">Verdict</th>
            <th scope="col">First reason</th>
          </tr>
        </thead>
        <tbody>
          {verdicts.map((judged) => (
            <tr key={judged.line_item} class="row">
              <td>
                <a class="cell-link" href={`/console/ads${queryOf({ record: judged.line_item })}`}>
                  {judged.name}
                </a>
              </td>
              <td>
                {judged.may_serve ? (
                  <span class="state state-done">May serve</span>
                ) : (
                  <button type="button" class="link-button" onClick={() => onReason(judged.reason)}>
                    {judged.reason}
                  </button>
                )}
              </td>
              <td class="verdict-says">{judged.says}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AnswerSkeleton() {
  return (
    <div class="verdicts" role="status" aria-label="Loading">
      <Skeleton style={{ width: "min(420px, 100%)", height: "44px" }} />
      <Skeleton style={{ height: "260px" }} />
    </div>
  );
}
