import { useMemo, useState } from "preact/hooks";
import type { Audience, AudienceState } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, ProgressBar, Quiet } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { navigate } from "../../../shared/navigation.ts";
import { asApiError, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../../table/data_table.tsx";
import * as calls from "./calls.ts";
import { membersWords, share } from "./words.ts";

const narrow = matchMedia("(max-width: 720px)");

/** All audiences, and the way to build them. */
export function List() {
  const { data: audiences, error, reload, set } = useResource("audiences", calls.all);
  const state = useResource("audience-state", calls.state);
  const columns = useMemo(() => columnsOf(state.data?.users ?? 0), [state.data?.users]);
  if (!audiences) return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  if (!audiences.length) return <NoAudiences />;
  const built = (fresh: Audience[]) => {
    set(fresh);
    state.reload();
  };
  return (
    <>
      <Standing audiences={audiences} state={state.data} onBuilt={built} />
      <DataTable
        rows={audiences}
        columns={columns}
        idOf={(audience) => audience.name}
        noun="audience"
        order={{ key: "name", down: false }}
        rowHeight={narrow.matches ? 64 : 56}
        bulk={(ticked) => (
          <>
            <button
              type="button"
              class="button button-small"
              disabled={ticked.length < 2}
              onClick={() => navigate(`/console/audiences${queryOf({ view: "overlap", names: ticked.map((one) => one.name).join("\n") })}`)}
            >
              Overlap
            </button>
            <button type="button" class="button button-small" onClick={() => void dropAll(ticked, reload)}>
              <Icon name="trash" size={16} /> Delete
            </button>
          </>
        )}
      />
    </>
  );
}

function NoAudiences() {
  return (
    <Quiet icon="audience" within heading="No audiences yet" words="An audience is a rule over what is known of viewers; the next build says who belongs to it." command={"audience define noir-lovers 'watched(\"noir\", 30d)'"}>
      <a class="button button-accent" href="/console/audiences?new=1">
        <Icon name="plus" size={18} /> New audience
      </a>
    </Quiet>
  );
}

/** How fresh the audiences are, and the button that makes them fresh. */
function Standing({ audiences, state, onBuilt }: { audiences: readonly Audience[]; state: AudienceState | null; onBuilt: (audiences: Audience[]) => void }) {
  const [building, setBuilding] = useState(false);
  const unbuilt = audiences.filter((one) => one.evaluated_at === null).length;
  const build = async () => {
    setBuilding(true);
    try {
      onBuilt(await calls.build());
      toast("All audiences are built", { tone: "good" });
    } catch (failure) {
      toast(`Not built: ${sentence(asApiError(failure).problem.detail)}`, { tone: "bad", stay_ms: 8000 });
    }
    setBuilding(false);
  };
  return (
    <div class="standing">
      <p class="muted">
        {state ? `${state.users.toLocaleString("en-GB")} users` : "…"}
        {state?.built_at && (
          <>
            {" · built "}
            <Ago at={state.built_at} />
          </>
        )}
        {unbuilt > 0 && ` · ${unbuilt} not built yet`}
        {state?.pending && " · features have changed since"}
      </p>
      {building && <ProgressBar value={null} label="Building all audiences" />}
      <button type="button" class={unbuilt || state?.pending ? "button button-small button-accent" : "button button-small"} disabled={building} onClick={() => void build()}>
        <Icon name="replay" size={16} /> {building ? "Building…" : "Build now"}
      </button>
    </div>
  );
}

/** Delete audiences one after another; each can be had back from the toast. */
async function dropAll(audiences: readonly Audience[], onDone: () => void): Promise<void> {
  const gone: Audience[] = [];
  try {
    for (const audience of audiences) {
      await calls.drop(audience.name);
      gone.push(audience);
    }
  } catch (failure) {
    toast(sentence(asApiError(failure).problem.detail), { tone: "bad", stay_ms: 8000 });
  }
  if (gone.length) {
    const words = gone.length === 1 ? `${gone[0]!.name} is deleted` : `${gone.length} audiences are deleted`;
    toast(words, { action: { label: "Undo", run: () => void bringBack(gone, onDone) } });
  }
  onDone();
}

async function bringBack(gone: readonly Audience[], onDone: () => void): Promise<void> {
  try {
    for (const { name, rule, purpose, households, says } of gone) await calls.define({ name, rule, purpose, households, says });
    toast("Taken back; the next build makes it anew");
  } catch (failure) {
    toast(`Not taken back: ${sentence(asApiError(failure).problem.detail)}`, { tone: "bad", stay_ms: 8000 });
  }
  onDone();
}

function columnsOf(users: number): CellColumn<Audience>[] {
  return [
    {
      key: "name",
      heading: "Name",
      width: 210,
      value: (audience) => `${audience.name} ${audience.says}`,
      cell: (audience) => (
        <span class="two-lines">
          <a href={`/console/audiences${queryOf({ audience: audience.name })}`}>{audience.name}</a>
          {audience.says && <small>{audience.says}</small>}
        </span>
      ),
    },
    { key: "members", heading: "Members", width: 120, number: true, unsearched: true, value: (audience) => audience.members, cell: (audience) => <Members audience={audience} /> },
    { key: "share", heading: "Share", width: 90, number: true, unsearched: true, value: (audience) => audience.members, cell: (audience) => share(audience.members, users) },
    {
      key: "rule",
      heading: "Rule",
      width: 380,
      value: (audience) => audience.rule,
      cell: (audience) => (
        <span class="rule-cell" title={audience.rule}>
          {audience.warnings.length > 0 && (
            <span class="noteworthy" title={sentence(audience.warnings[0]!.says)}>
              <Icon name="warning" size={16} />
              <span class="visually-hidden">{sentence(audience.warnings[0]!.says)}</span>
            </span>
          )}
          <code>{audience.rule}</code>
        </span>
      ),
    },
    { key: "purpose", heading: "Purpose", width: 110, hidden: true, value: (audience) => audience.purpose, cell: (audience) => audience.purpose },
    { key: "households", heading: "Households", width: 120, hidden: true, unsearched: true, value: (audience) => audience.households, cell: (audience) => (audience.households ? "whole" : "–") },
    { key: "used", heading: "Used by", width: 120, hidden: true, value: (audience) => audience.used_by.join(", "), cell: (audience) => audience.used_by.join(", ") || "–" },
    { key: "built", heading: "Built", width: 120, unsearched: true, value: (audience) => audience.evaluated_at ?? "", cell: (audience) => (audience.evaluated_at ? <Ago at={audience.evaluated_at} /> : <span class="muted">not yet</span>) },
  ];
}

function Members({ audience }: { audience: Audience }) {
  const words = membersWords(audience);
  return audience.members === null ? (
    <span class="muted" title={audience.withheld ? "It has fewer members than may be told; it serves nobody" : undefined}>
      {words}
    </span>
  ) : (
    <>{words}</>
  );
}
