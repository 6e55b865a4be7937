import { useEffect, useMemo, useState } from "preact/hooks";
import type { Job, JobState, Problem } from "../../api/types.ts";
import { Dialog } from "../../shared/components/dialog.tsx";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Ago, ProgressBar, Quiet } from "../../shared/components/small.tsx";
import { toast } from "../../shared/components/toast.tsx";
import { percent } from "../../shared/format.ts";
import { JOB_CHANGED, onLive } from "../../shared/live.ts";
import { setQuery, usePlace } from "../../shared/navigation.ts";
import { ApiError, asApiError, fileAdvice, sentence } from "../../shared/problem.ts";
import { useResource } from "../../shared/resource.ts";
import { queryOf } from "../../shared/router.ts";
import { api } from "../../shared/session.ts";
import { isCancelled, stateOf, stepWords } from "../../shared/steps.ts";
import { JobPage } from "./job/job.tsx";
import { type CellColumn, DataTable, TableSkeleton } from "../table/data_table.tsx";

const SHOWN: Record<string, { name: string; states: readonly JobState[] }> = {
  "": { name: "All", states: ["queued", "running", "done", "refused", "failed"] },
  active: { name: "At work", states: ["queued", "running"] },
  done: { name: "Done", states: ["done"] },
  trouble: { name: "In trouble", states: ["refused", "failed"] },
};

/** The queue as it moves; with `?job=` in the address, one job of it. */
export function Encodes() {
  const { query } = usePlace();
  const job = new URLSearchParams(query).get("job");
  return job ? <JobPage id={job} /> : <AllEncodes />;
}

function AllEncodes() {
  const { data: jobs, error, reload, set } = useResource("jobs", api.jobs);
  const { query } = usePlace();
  const [why, setWhy] = useState<Job | null>(null);
  useEffect(
    () => onLive<Job>(JOB_CHANGED, ({ payload }) => set(merged(jobs ?? [], payload))),
    [jobs, set],
  );
  const columns = useMemo(() => jobColumns(setWhy), []);
  const asked = new URLSearchParams(query);
  const shown = SHOWN[asked.get("state") ?? ""] ?? SHOWN[""];

  if (!jobs) return error ? <ProblemView error={error} onRetry={reload} /> : <Page body={<TableSkeleton />} />;
  if (!jobs.length) {
    return (
      <Quiet icon="encode" heading="Nothing to encode" words="Every upload becomes a job here; the newest 200 are kept in sight." command="upload film.mp4">
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
            rows={jobs.filter((job) => shown?.states.includes(job.state))}
            columns={columns}
            idOf={(job) => job.id}
            noun="job"
            order={{ key: "created", down: true }}
            rowHeight={60}
            tools={
              <div class="tabs" role="group" aria-label="State">
                {Object.entries(SHOWN).map(([key, { name }]) => (
                  <button
                    type="button"
                    key={key}
                    aria-pressed={(asked.get("state") ?? "") === key}
                    onClick={() => setQuery(queryOf({ ...Object.fromEntries(asked), state: key }))}
                  >
                    {name}
                  </button>
                ))}
              </div>
            }
          />
          {why?.problem && <Why job={why} problem={why.problem} onClose={() => setWhy(null)} />}
        </>
      }
    />
  );
}

function Page({ body }: { body: preact.ComponentChildren }) {
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Encodes</h1>
      </div>
      {body}
    </section>
  );
}

/** The list with one job's news in it; a new job comes first. */
export function merged(jobs: readonly Job[], news: Job): Job[] {
  const known = jobs.some((job) => job.id === news.id);
  return known ? jobs.map((job) => (job.id === news.id ? news : job)) : [news, ...jobs];
}

async function cancel(job: Job): Promise<void> {
  try {
    await api.cancelJob(job.id);
    toast(`${job.new.name}: encode cancelled`);
  } catch (error) {
    toast(`Not cancelled: ${sentence(asApiError(error).problem.detail)}`, { tone: "bad", stay_ms: 8000 });
  }
}

function jobColumns(onWhy: (job: Job) => void): CellColumn<Job>[] {
  return [
    {
      key: "film",
      heading: "Film",
      width: 260,
      value: (job) => `${job.new.name} ${job.filename}`,
      cell: (job) => (
        <span class="two-lines">
          <a href={`/console/encodes?job=${encodeURIComponent(job.id)}`}>{job.new.name}</a>
          <small>{job.version > 1 ? `adds ${job.recipes.join(", ")}` : job.filename}</small>
        </span>
      ),
    },
    { key: "state", heading: "State", width: 124, value: (job) => stateOf(job).words, cell: (job) => <span class={`state state-${stateOf(job).tone}`}>{stateOf(job).words}</span> },
    {
      key: "progress",
      heading: "Progress",
      width: 300,
      unsearched: true,
      value: (job) => job.progress,
      cell: (job) => <ProgressCell job={job} onWhy={onWhy} />,
    },
    { key: "speed", heading: "Speed", width: 100, number: true, unsearched: true, value: (job) => job.speed || null, cell: (job) => (job.speed ? `${job.speed.toFixed(1)}×` : "–") },
    { key: "priority", heading: "Priority", width: 100, number: true, unsearched: true, value: (job) => job.priority, cell: (job) => job.priority },
    { key: "attempts", heading: "Attempts", width: 100, number: true, unsearched: true, value: (job) => job.attempts, cell: (job) => job.attempts },
    { key: "created", heading: "Queued", width: 120, unsearched: true, value: (job) => job.created_at, cell: (job) => <Ago at={job.created_at} /> },
    { key: "id", heading: "Job", width: 330, hidden: true, value: (job) => job.id, cell: (job) => <code>{job.id}</code> },
    { key: "asset", heading: "Asset", width: 330, hidden: true, value: (job) => job.asset, cell: (job) => <code>{job.asset}</code> },
  ];
}

function ProgressCell({ job, onWhy }: { job: Job; onWhy: (job: Job) => void }) {
  if (isCancelled(job)) return <span class="muted">Nothing of it was kept</span>;
  if (job.problem && (job.state === "refused" || job.state === "failed")) {
    return (
      <span class="why">
        <span title={job.problem.detail}>{sentence(job.problem.detail)}</span>
        <button type="button" class="link-button" onClick={() => onWhy(job)}>
          Why
        </button>
      </span>
    );
  }
  if (job.state === "done") return <span class="muted">{job.version > 1 ? "Added" : "Published"}</span>;
  if (job.state === "queued") {
    return (
      <span class="why">
        <span class="muted">Waits for an encoder</span>
        <CancelButton job={job} />
      </span>
    );
  }
  return (
    <span class="why">
      <span class="progress-cell">
        <span>
          <span>
            {stepWords(job.step)}
            {job.watchable && job.version === 1 && ", can be watched"}
          </span>
          <span class="number">{percent(job.progress)}</span>
        </span>
        <ProgressBar value={job.progress} label={`${job.new.name}: ${stepWords(job.step)}`} />
      </span>
      <CancelButton job={job} />
    </span>
  );
}

function CancelButton({ job }: { job: Job }) {
  const [asked, setAsked] = useState(false);
  const onClick = () => {
    setAsked(true);
    void cancel(job).finally(() => setAsked(false));
  };
  return (
    <button type="button" class="link-button" disabled={asked} aria-label={`Cancel ${job.new.name}`} onClick={onClick}>
      Cancel
    </button>
  );
}

function Why({ job, problem, onClose }: { job: Job; problem: Problem; onClose: () => void }) {
  return (
    <Dialog title={`${stateOf(job).words}: ${job.new.name}`} onClose={onClose}>
      <ProblemView error={new ApiError(problem)} hint={fileAdvice(problem)} small />
      <dl class="pairs">
        <dt>File</dt>
        <dd>{job.filename}</dd>
        <dt>Step</dt>
        <dd>{stepWords(job.step)}</dd>
        <dt>Attempts</dt>
        <dd>{job.attempts}</dd>
        <dt>Job</dt>
        <dd>
          <code>{job.id}</code>
        </dd>
      </dl>
    </Dialog>
  );
}
