import "./job.css";
import { useEffect, useState } from "preact/hooks";
import type { Forecast, Job, JobTasks, RungProgress, TaskView } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, ProgressBar, Quiet } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { bytes, clockLength, length, percent } from "../../../shared/format.ts";
import { JOB_CHANGED, onLive } from "../../../shared/live.ts";
import { ApiError, asApiError, fileAdvice, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { api, may, useMe } from "../../../shared/session.ts";
import { isCancelled, stateOf, stepWords } from "../../../shared/steps.ts";
import { TableSkeleton } from "../../table/data_table.tsx";
import { columnsOf, type Lane, lanesOf, TASK_STATES, taskName, troublesOf } from "./graph.ts";
import { HullPlot } from "./hull_plot.tsx";

const EVERY_MS = 3000;
const PRIORITIES = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

/** One job: what is being done for it, task by task, and what an operator may do about it. */
export function JobPage({ id }: { id: string }) {
  const { data, error, reload } = useResource(`tasks ${id}`, (signal) => api.jobTasks(id, signal));
  const [chosen, setChosen] = useState("");
  const open = data?.job.state === "queued" || data?.job.state === "running";
  useEffect(() => onLive<Job>(JOB_CHANGED, ({ payload }) => payload.id === id && payload.state !== data?.job.state && reload()), [id, reload, data?.job.state]);
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [open, reload]);
  if (!data) {
    if (error?.problem.status === 404) return <NoJob id={id} />;
    return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  }
  const task = data.tasks.find((one) => one.id === chosen);
  return (
    <section class="page job-page">
      <Head view={data} onChange={reload} />
      <Standing view={data} />
      {data.job.problem && !isCancelled(data.job) && <ProblemView error={new ApiError(data.job.problem)} hint={fileAdvice(data.job.problem)} small />}
      {data.rungs.length > 0 && <Rungs rungs={data.rungs} duration_s={data.duration_s} />}
      <Graph view={data} chosen={chosen} onChoose={(next) => setChosen(next === chosen ? "" : next)} />
      {task && <TaskPanel job={data.job} task={task} onClose={() => setChosen("")} />}
      <Troubles tasks={data.tasks} onChoose={setChosen} />
    </section>
  );
}

function Head({ view, onChange }: { view: JobTasks; onChange: () => void }) {
  const me = useMe();
  const { job } = view;
  const open = job.state === "queued" || job.state === "running";
  const act = async (words: string, doing: () => Promise<unknown>) => {
    try {
      await doing();
      toast(`${job.new.name}: ${words}`);
    } catch (error) {
      toast(sentence(asApiError(error).problem.detail), { tone: "bad", stay_ms: 8000 });
    }
    onChange();
  };
  return (
    <div class="page-head job-head">
      <a class="icon-button" href="/console/encodes" aria-label="To all encodes">
        <Icon name="arrowLeft" size={20} />
      </a>
      <h1>{job.new.name}</h1>
      <span class={`state state-${stateOf(job).tone}`}>{stateOf(job).words}</span>
      <span class="job-tools">
        {job.watchable && job.title && (
          <a class="button button-small" href={`/t/${encodeURIComponent(job.title)}`}>
            <Icon name="play" solid size={16} /> {open && job.version === 1 ? "Watch what is there" : "Watch"}
          </a>
        )}
        {open && may(me, "operator") && (
          <label class="job-priority">
            Priority
            <select class="input" value={job.priority} onChange={(event) => void act(`priority ${event.currentTarget.value}`, () => api.prioritiseJob(job.id, Number(event.currentTarget.value)))}>
              {PRIORITIES.map((value) => (
                <option key={value} value={value}>
                  {value}
                </option>
              ))}
            </select>
          </label>
        )}
        {job.state === "failed" && (
          <button type="button" class="button button-small button-accent" onClick={() => void act("goes on", () => api.retryJob(job.id))}>
            <Icon name="replay" size={16} /> Retry
          </button>
        )}
        {(open || job.state === "failed") && (
          <button type="button" class="button button-small" onClick={() => void act("encode cancelled", () => api.cancelJob(job.id))}>
            Cancel
          </button>
        )}
      </span>
    </div>
  );
}

function Standing({ view }: { view: JobTasks }) {
  const { job, counts, forecast } = view;
  const facts = [
    job.filename,
    view.duration_s > 0 ? clockLength(view.duration_s) : "",
    job.recipes.join(", "),
    job.version > 1 ? `version ${job.version}: adds to what stands` : "",
    job.speed > 0 ? `${job.speed.toFixed(1)}× real time` : "",
    Object.entries(counts)
      .map(([state, count]) => `${count} ${state}`)
      .join(", "),
  ].filter(Boolean);
  return (
    <div class="job-standing">
      {(job.state === "queued" || job.state === "running") && (
        <span class="progress-cell">
          <span>
            <span>{stepWords(job.state === "queued" ? "" : job.step)}</span>
            <span class="number">{percent(job.progress)}</span>
          </span>
          <ProgressBar value={job.progress} label={`${job.new.name}: ${stepWords(job.step)}`} />
        </span>
      )}
      <p class="muted">{facts.join(" · ")}</p>
      {forecast && <Deadline forecast={forecast} />}
    </div>
  );
}

/** Whether a job makes its deadline, as the work that is left says. */
function Deadline({ forecast }: { forecast: Forecast }) {
  const due = new Date(forecast.deadline_at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  if (!forecast.late_s) return <p class="muted">Due {due}; {length(forecast.work_s) || "a moment"} of work is left, and there is time for it.</p>;
  return (
    <p class="job-late" role="status">
      Due {due}, and {length(forecast.late_s)} late as things stand{forecast.hopeless ? "; only more encoders, or less work, would save it" : ""}.
    </p>
  );
}

function Rungs({ rungs, duration_s }: { rungs: readonly RungProgress[]; duration_s: number }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Renditions">
      <table class="job-rungs">
        <thead>
          <tr>
            <th>Rendition</th>
            <th>There</th>
            <th class="number">Chunks</th>
            <th class="number">Size</th>
            <th class="number">Speed of a core</th>
          </tr>
        </thead>
        <tbody>
          {rungs.map((rung) => (
            <tr key={rung.name}>
              <td>
                <code>{rung.name}</code>
              </td>
              <td class="job-rung-there">
                <ProgressBar value={duration_s ? rung.done_s / duration_s : null} label={`${rung.name}: ${clockLength(rung.done_s)} of ${clockLength(duration_s)}`} />
              </td>
              <td class="number">{rung.kind === "video" ? `${rung.chunks_done} of ${rung.chunks}` : `${rung.chunks_done} segments`}</td>
              <td class="number">{bytes(rung.size_bytes)}</td>
              <td class="number">{rung.speed ? `${rung.speed.toFixed(1)}×` : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Graph({ view, chosen, onChoose }: { view: JobTasks; chosen: string; onChoose: (id: string) => void }) {
  if (!view.tasks.length) return <p class="muted">Waits for room: of jobs that add codecs, a few are under way at a time.</p>;
  const lanes = lanesOf(view.tasks);
  return (
    <div class="graph" role="group" aria-label="Tasks">
      {columnsOf(view.tasks).map(({ kinds, tasks }) => (
        <div class={kinds.includes("chunk") ? "graph-column graph-wide" : "graph-column"} key={kinds[0]}>
          {kinds.includes("chunk") && lanes.map((lane) => <LaneView key={lane.rung} lane={lane} chosen={chosen} onChoose={onChoose} />)}
          {tasks.map((task) => (
            <button type="button" key={task.id} class={`graph-task task-${task.state}`} aria-pressed={task.id === chosen} onClick={() => onChoose(task.id)}>
              <span>{taskName(task)}</span>
              <small>{TASK_STATES[task.state] ?? task.state}</small>
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

function LaneView({ lane, chosen, onChoose }: { lane: Lane; chosen: string; onChoose: (id: string) => void }) {
  return (
    <div class="lane">
      <code>{lane.rung}</code>
      <span class="lane-cells">
        {lane.cells.map((task) => {
          const words = `${taskName(task)}: ${TASK_STATES[task.state] ?? task.state}${task.state === "running" ? `, ${percent(task.progress ?? 0)}` : ""}`;
          return <button type="button" key={task.id} class={`lane-cell task-${task.state}`} aria-label={words} title={words} aria-pressed={task.id === chosen} onClick={() => onChoose(task.id)} />;
        })}
      </span>
    </div>
  );
}

function TaskPanel({ job, task, onClose }: { job: Job; task: TaskView; onClose: () => void }) {
  return (
    <section class="task-panel" aria-label={taskName(task)}>
      <header>
        <h2>{taskName(task)}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" size={18} />
        </button>
      </header>
      <dl class="pairs">
        <dt>State</dt>
        <dd>
          {TASK_STATES[task.state] ?? task.state}
          {task.state === "running" && `, ${percent(task.progress ?? 0)}`}
          {task.note && task.state !== "done" && ` (${task.note})`}
          {task.ended_at && (
            <>
              {" "}
              <Ago at={task.ended_at} />
            </>
          )}
        </dd>
        <dt>Attempts</dt>
        <dd>
          {task.tried ?? 0} of at most {task.attempts ?? 0}
        </dd>
        {task.worker && (
          <>
            <dt>Worker</dt>
            <dd>
              <code>{task.worker}</code>
            </dd>
          </>
        )}
        <dt>Estimated</dt>
        <dd>{length(task.work_s ?? 0) || "a moment"} of one core</dd>
        <dt>Task</dt>
        <dd>
          <code>{task.id}</code>
        </dd>
      </dl>
      {task.problem && <ProblemView error={new ApiError(task.problem)} small />}
      {task.last_words && <pre class="last-words">{task.last_words}</pre>}
      {task.kind === "chunk" && <HullPlot job={job.id} chunk={task.chunk ?? 0} rung={task.rung ?? ""} />}
    </section>
  );
}

function Troubles({ tasks, onChoose }: { tasks: readonly TaskView[]; onChoose: (id: string) => void }) {
  const troubles = troublesOf(tasks);
  if (!troubles.length) return null;
  return (
    <section class="troubles" aria-labelledby="troubles">
      <h2 id="troubles">What went wrong on the way</h2>
      <ul>
        {troubles.map((task) => (
          <li key={task.id}>
            <button type="button" class="link-button" onClick={() => onChoose(task.id)}>
              {taskName(task)}
            </button>
            <span>
              {TASK_STATES[task.state] ?? task.state}, attempt {task.tried ?? 0} of {task.attempts ?? 0}
              {task.problem && `: ${sentence(task.problem.detail)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoJob({ id }: { id: string }) {
  return (
    <Quiet icon="encode" heading="No such job" words={`Nothing is known of ${id}.`}>
      <a class="button" href="/console/encodes">
        To all encodes
      </a>
    </Quiet>
  );
}
