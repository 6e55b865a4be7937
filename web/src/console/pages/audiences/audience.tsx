import { useState } from "preact/hooks";
import type { Alike, Audience, AudienceUse, Checked } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, Field, Quiet, Skeleton } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { navigate } from "../../../shared/navigation.ts";
import { type ApiError, asApiError, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import * as calls from "./calls.ts";
import { askable } from "./rule/dimension.ts";
import { draftOf } from "./rule/draft.ts";
import { printRule } from "./rule/printing.ts";
import { RuleEditor } from "./rule/rule_editor.tsx";
import { type Check, useCheck } from "./rule/use_check.ts";
import { membersWords, reachFigure, reachNote } from "./words.ts";

const PURPOSES = ["ads", "profiling", "measurement"];

/** One audience, or one that is to be: its rule, whom it reaches, and who uses it. */
export function AudiencePage({ name }: { name: string }) {
  const audiences = useResource("audiences", calls.all);
  const dimensions = useResource("audience-dimensions", calls.dimensions);
  const error = audiences.error ?? dimensions.error;
  if (!audiences.data || !dimensions.data) {
    if (error) return <ProblemView error={error} onRetry={() => (audiences.reload(), dimensions.reload())} />;
    return <EditorSkeleton />;
  }
  const there = audiences.data.find((one) => one.name === name);
  if (name && !there) {
    return (
      <Quiet icon="audience" heading="No such audience" words={`There is no audience called ${name}; it may have been deleted.`}>
        <a class="button" href="/console/audiences">
          To all audiences
        </a>
      </Quiet>
    );
  }
  const others = audiences.data.map((one) => one.name).filter((one) => one !== name);
  return <Editor before={there ?? null} others={others} dimensions={dimensions.data.map(askable)} onSaved={audiences.reload} />;
}

interface EditorProps {
  before: Audience | null;
  others: readonly string[];
  dimensions: readonly ReturnType<typeof askable>[];
  onSaved: () => void;
}

function Editor({ before, others, dimensions, onSaved }: EditorProps) {
  const [name, setName] = useState(before?.name ?? "");
  const [draft, setDraft] = useState(() => draftOf(before?.rule ?? ""));
  const [purpose, setPurpose] = useState(before?.purpose ?? "ads");
  const [households, setHouseholds] = useState(before?.households ?? false);
  const [says, setSays] = useState(before?.says ?? "");
  const [saving, setSaving] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const text = draft.text.trim();
  const check = useCheck<Checked>(text ? `${purpose}\n${text}` : "", (signal) => calls.check(text, purpose, signal));
  const wrongName = before ? undefined : nameProblem(name, others);
  const same = before && draft.rule && printRule(draft.rule) === before.rule && purpose === before.purpose && households === before.households && says === before.says;
  const ready = Boolean(draft.rule) && !check.pending && !check.told?.problem && !(wrongName || !name.trim()) && !same;
  const save = async () => {
    setSaving(true);
    setFailure(null);
    try {
      const saved = await calls.define({ name: name.trim(), rule: draft.text, purpose, households, says: says.trim() });
      toast(`${saved.name} is saved; the next build makes it`, { tone: "good", ...(before ? { action: { label: "Undo", run: () => void takeBack(before, onSaved) } } : {}) });
      setDraft(draftOf(saved.rule));
      onSaved();
      if (!before) navigate(`/console/audiences${queryOf({ audience: saved.name })}`, { replace: true });
    } catch (problem) {
      setFailure(asApiError(problem));
    }
    setSaving(false);
  };
  return (
    <section class="page audience-page">
      <form
        class="audience-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void save();
        }}
      >
        <div class="page-head">
          <span class="head-title">
            <a class="icon-button" href="/console/audiences" aria-label="To all audiences">
              <Icon name="arrowLeft" size={20} />
            </a>
            <h1>{before ? before.name : "New audience"}</h1>
          </span>
          <button type="submit" class="button button-accent button-small" disabled={!ready || saving}>
            {saving ? "Saving…" : "Save"}
          </button>
        </div>
        {failure && <ProblemView error={failure} small />}
        <div class="audience-columns">
          <div class="audience-rule">
            {!before && (
              <Field label="Name" hint="1 to 80 characters; rules name it" error={name ? wrongName : undefined}>
                {(ids) => <input {...ids} class="input" autocomplete="off" maxLength={80} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
              </Field>
            )}
            <RuleEditor draft={draft} onDraft={setDraft} dimensions={dimensions} audiences={others} told={check.told} />
          </div>
          <div class="audience-side">
            <ReachPanel check={check} asked={text !== ""} />
            <Field label="Purpose" hint="What members must have consented to">
              {(ids) => (
                <select {...ids} class="input" value={purpose} onChange={(event) => setPurpose(event.currentTarget.value)}>
                  {[...new Set([...PURPOSES, purpose])].map((one) => (
                    <option key={one}>{one}</option>
                  ))}
                </select>
              )}
            </Field>
            <label class="tick-line">
              <input type="checkbox" checked={households} onChange={(event) => setHouseholds(event.currentTarget.checked)} /> Whole households: everybody who lives with a match
            </label>
            <Field label="A sentence about it">
              {(ids) => <input {...ids} class="input" maxLength={200} value={says} onInput={(event) => setSays(event.currentTarget.value)} />}
            </Field>
            {before && <Facts audience={before} />}
          </div>
        </div>
      </form>
      {before && <Uses audience={before.name} />}
      {before && before.members !== null && <AlikePanel seed={before.name} />}
    </section>
  );
}

function nameProblem(name: string, others: readonly string[]): string | undefined {
  const trimmed = name.trim();
  if (!trimmed) return "An audience needs a name of 1 to 80 characters";
  return others.includes(trimmed) ? `There is an audience called ${trimmed} already` : undefined;
}

async function takeBack({ name, rule, purpose, households, says }: Audience, onDone: () => void): Promise<void> {
  try {
    await calls.define({ name, rule, purpose, households, says });
    toast(`${name} is as it was; the next build makes it`);
    onDone();
    navigate(`/console/audiences`);
  } catch (failure) {
    toast(`Not taken back: ${sentence(asApiError(failure).problem.detail)}`, { tone: "bad", stay_ms: 8000 });
  }
}

function ReachPanel({ check, asked }: { check: Check<Checked>; asked: boolean }) {
  const reach = check.told?.reach ?? null;
  return (
    <div class={check.pending ? "reach reach-older" : "reach"} role="status" aria-label="Reach" aria-busy={check.pending}>
      <span class="tile-name">Reach</span>
      {reach ? (
        <>
          <span class="tile-value">{reachFigure(reach)}</span>
          <span class="tile-note">{reachNote(reach)}</span>
        </>
      ) : (
        <span class="tile-note">{check.error ? sentence(check.error.problem.detail) : whyNoReach(check, asked)}</span>
      )}
    </div>
  );
}

function whyNoReach({ told, pending }: Check<Checked>, asked: boolean): string {
  if (!asked) return "Write a rule, or add a test: how many it reaches appears here.";
  if (pending && !told) return "Counting…";
  if (told?.problem) return "Appears when the rule is one.";
  return "Nothing is stored yet, or an audience that the rule names is not built.";
}

function Facts({ audience }: { audience: Audience }) {
  return (
    <dl class="pairs">
      <dt>Members</dt>
      <dd>{audience.withheld ? "fewer than may be told; it serves nobody" : membersWords(audience)}</dd>
      <dt>Built</dt>
      <dd>{audience.evaluated_at ? <Ago at={audience.evaluated_at} /> : "not yet"}</dd>
      {audience.builds_on.length > 0 && (
        <>
          <dt>Builds on</dt>
          <dd>
            <Names names={audience.builds_on} />
          </dd>
        </>
      )}
      {audience.used_by.length > 0 && (
        <>
          <dt>Used by</dt>
          <dd>
            <Names names={audience.used_by} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Names({ names }: { names: readonly string[] }) {
  return (
    <span class="chips">
      {names.map((name) => (
        <a key={name} class="chip" href={`/console/audiences${queryOf({ audience: name })}`}>
          {name}
        </a>
      ))}
    </span>
  );
}

function Uses({ audience }: { audience: string }) {
  const { data } = useResource<AudienceUse[]>(`audience-uses ${audience}`, (signal) => calls.uses(audience, signal));
  if (!data?.length) return null;
  return (
    <section class="panel" aria-labelledby="uses">
      <h2 id="uses">Line items that name it</h2>
      <ul class="plain-list">
        {data.map((use) => (
          <li key={use.line_item}>
            <a href={`/console/ads${queryOf({ record: use.line_item })}`}>{use.name}</a>
            <span class="muted">
              {use.state}
              {use.excluded && ", leaves its members out"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function AlikePanel({ seed }: { seed: string }) {
  const [size, setSize] = useState("10000");
  const [found, setFound] = useState<Alike | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const wrong = /^[1-9]\d{0,8}$/.test(size.trim()) ? undefined : "A whole number, 1 or more";
  const find = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      setFound(await calls.alike(seed, Number(size)));
    } catch (problem) {
      setFailure(asApiError(problem));
    }
    setBusy(false);
  };
  return (
    <section class="panel" aria-labelledby="alike">
      <h2 id="alike">People like these</h2>
      <form class="inline-form" onSubmit={(event) => void find(event)}>
        <Field label="At most" error={wrong}>
          {(ids) => <input {...ids} class="input" inputMode="numeric" value={size} onInput={(event) => setSize(event.currentTarget.value)} />}
        </Field>
        <button type="submit" class="button" disabled={busy || Boolean(wrong)}>
          {busy ? "Looking…" : "Find"}
        </button>
      </form>
      {failure && <ProblemView error={failure} small />}
      {found && (
        <>
          <p>
            <strong class="number">{reachFigure(found.reach)}</strong> people, alike in:
          </p>
          <ul class="bars">
            {found.reasons.slice(0, 8).map((reason) => (
              <li key={`${reason.dimension} ${reason.value}`}>
                <span>
                  {reason.dimension} = {reason.value}
                </span>
                <span class="bar-line">
                  <span style={{ width: `${barOf(reason.weight, found.reasons[0]?.weight ?? 1)}%` }} />
                </span>
                <span class="number">{Math.exp(reason.weight).toFixed(1)}× as common</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function barOf(weight: number, most: number): number {
  return Math.max(2, Math.min(100, (Math.abs(weight) / (Math.abs(most) || 1)) * 100));
}

function EditorSkeleton() {
  return (
    <section class="page" role="status" aria-label="Loading">
      <Skeleton style={{ width: "260px", height: "40px" }} />
      <div class="audience-columns">
        <div class="audience-rule">
          <Skeleton style={{ height: "76px" }} />
          <Skeleton style={{ height: "220px" }} />
        </div>
        <div class="audience-side">
          <Skeleton style={{ height: "132px" }} />
          <Skeleton style={{ height: "64px" }} />
        </div>
      </div>
    </section>
  );
}

