import { useEffect, useRef, useState } from "preact/hooks";
import type { BatchState, NewBatch, Problem } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, CopyCommand, ProgressBar } from "../../../shared/components/small.tsx";
import { toast } from "../../../shared/components/toast.tsx";
import { bytes, count, percent, timeLeft } from "../../../shared/format.ts";
import { ApiError, asApiError, sentence } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { TableSkeleton } from "../../table/data_table.tsx";
import * as calls from "./calls.ts";
import { NewBatchForm } from "./new_batch.tsx";
import { forget, goOn, hasFile, pauseSending, type Sent, useSendings } from "./sendings.ts";

const EVERY_MS = 1000;
const ENDED = new Set(["done", "refused"]);

/** Files of features: bring one in, see how far each is, fetch what was rejected. */
export function Batches() {
  const { data: batches, error, reload } = useResource("audience-batches", calls.batches);
  const [file, setFile] = useState<File | null>(null);
  const busy = batches?.some((batch) => !ENDED.has(batch.phase)) ?? false;
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [busy, reload]);
  const begun = file ? batches?.find((one) => one.phase === "receiving" && one.name === file.name && one.size_bytes === file.size) : undefined;
  const choose = (next: File) => setFile(next);
  return (
    <div class="batches">
      {file ? (
        <>
          {begun && (
            <GoOn
              batch={begun}
              onGoOn={() => {
                goOn(begun, file);
                setFile(null);
              }}
            />
          )}
          <NewBatchForm
            key={file.name + file.size}
            file={file}
            onClose={() => setFile(null)}
            onOrdered={() => {
              setFile(null);
              reload();
            }}
          />
        </>
      ) : (
        <Drop onFile={choose} />
      )}
      {!batches && (error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />)}
      {batches && batches.length === 0 && !file && <p class="muted">No batch yet. A batch is a file with a row for each user and a column for each dimension.</p>}
      {batches && batches.length > 0 && (
        <ul class="batch-list" aria-label="Batches">
          {batches.map((batch) => (
            <BatchRow key={batch.id} batch={batch} onChange={reload} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Drop({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  return (
    <div
      class={over ? "drop drop-over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer?.files[0];
        if (file) onFile(file);
      }}
    >
      <Icon name="upload" size={26} />
      <p>Drop a file of features here: Parquet, Arrow, or CSV (plain, gzip, zstd)</p>
      <button type="button" class="button button-accent" onClick={() => input.current?.click()}>
        Choose a file
      </button>
      <input
        ref={input}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        aria-label="File of features"
        accept=".parquet,.arrow,.feather,.csv,.gz,.zst"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) onFile(file);
          event.currentTarget.value = "";
        }}
      />
      <CopyCommand words="audience upload users.parquet --full" />
    </div>
  );
}

function GoOn({ batch, onGoOn }: { batch: BatchState; onGoOn: () => void }) {
  return (
    <div class="go-on" role="status">
      <span>
        {bytes(batch.received_bytes)} of {bytes(batch.size_bytes)} of this file arrived as batch {batch.id}.
      </span>
      <button type="button" class="button button-accent button-small" onClick={onGoOn}>
        Go on from {percent(batch.size_bytes ? batch.received_bytes / batch.size_bytes : 0)}
      </button>
    </div>
  );
}

function BatchRow({ batch, onChange }: { batch: BatchState; onChange: () => void }) {
  const sending = useSendings()[batch.id];
  const act = async (words: string, work: () => Promise<unknown>) => {
    try {
      await work();
      toast(words);
    } catch (failure) {
      toast(sentence(asApiError(failure).problem.detail), { tone: "bad", stay_ms: 8000 });
    }
    onChange();
  };
  const callOff = () =>
    act(batch.phase === "refused" ? `${batch.id} is dismissed` : `${batch.id} is called off; nothing of it was kept`, async () => {
      forget(batch.id);
      await calls.callOff(batch.id);
    });
  const report = batch.report;
  return (
    <li class="batch">
      <div class="batch-head">
        <span class="two-lines">
          <strong>{batch.id}</strong>
          <small>{[batch.name === batch.id ? "" : batch.name, batch.mode === "full" ? "the whole picture" : "changes", batch.policy === "refuse-all" ? "refuses all for one bad row" : "keeps good rows"].filter(Boolean).join(" · ")}</small>
        </span>
        <span class={`state state-${toneOf(batch)}`}>{phaseWords(batch, sending)}</span>
        <Ago at={batch.ordered_at} />
      </div>
      {!ENDED.has(batch.phase) && <Far batch={batch} sending={sending} />}
      {report && (
        <p class="muted number">
          {count(report.kept, "row")} kept of {report.rows.toLocaleString("en-GB")} · {count(report.users, "user")}, {report.fresh.toLocaleString("en-GB")} new
          {report.late > 0 && ` · ${report.late.toLocaleString("en-GB")} late`}
          {report.rejected > 0 && ` · ${report.rejected.toLocaleString("en-GB")} rejected`}
        </p>
      )}
      {batch.problem && <Why problem={batch.problem} onAgain={() => void act(`${batch.id} is tried again`, () => calls.order(orderOf(batch)))} />}
      {sending?.problem && <ProblemView error={new ApiError(sending.problem)} onRetry={() => goOn(batch)} small />}
      <div class="batch-actions">
        {batch.has_rejects && (
          <a class="button button-small" href={calls.rejectsOf(batch.id)} download={`${batch.id}-rejects.ndjson`}>
            Rejected rows
          </a>
        )}
        {batch.phase === "receiving" && sending && !sending.paused && !sending.problem && (
          <button type="button" class="button button-small" onClick={() => pauseSending(batch.id)}>
            <Icon name="pause" size={15} /> Pause
          </button>
        )}
        {batch.phase === "receiving" && sending?.paused && hasFile(batch.id) && (
          <button type="button" class="button button-small button-accent" onClick={() => goOn(batch)}>
            <Icon name="play" size={15} /> Go on
          </button>
        )}
        {batch.phase !== "done" && (
          <button type="button" class="button button-small" onClick={() => void callOff()}>
            {batch.phase === "refused" ? "Dismiss" : "Call off"}
          </button>
        )}
      </div>
    </li>
  );
}

/** Why a batch was refused: what is the file's fault is mended there, what is ours is tried again. */
function Why({ problem, onAgain }: { problem: Problem; onAgain: () => void }) {
  const ours = problem.status >= 500;
  return <ProblemView error={new ApiError(problem)} hint={ours ? "It goes on where it was." : "Mend the file, then upload it under another id."} {...(ours ? { onRetry: onAgain } : {})} small />;
}

/** The order of a batch, as it was given. */
function orderOf({ id, name, size_bytes, mode, policy, event_at }: BatchState): NewBatch {
  return { id, filename: name, size_bytes, mode, policy, event_at };
}

/** How far a batch is: its bytes first, then its rows. */
function Far({ batch, sending }: { batch: BatchState; sending: Sent | undefined }) {
  if (batch.phase === "receiving") {
    const underWay = sending && !sending.paused && !sending.problem ? sending.sent_bytes : 0;
    const there = Math.max(batch.received_bytes, underWay);
    const done = batch.size_bytes ? there / batch.size_bytes : null;
    const left = sending?.left_s == null ? "" : timeLeft(sending.left_s);
    return (
      <Measured
        value={done}
        label={`${batch.id}: bytes`}
        words={`${bytes(there)} of ${bytes(batch.size_bytes)}${left && `, ${left}`}`}
        note={sending ? (sending.held ? "Waiting for the server" : "") : `Choose ${batch.name} again to go on.`}
      />
    );
  }
  const left = batch.left_s === null ? "" : timeLeft(batch.left_s);
  const rows = batch.rows_of ? `${batch.rows.toLocaleString("en-GB")} of ${count(batch.rows_of, "row")}` : count(batch.rows, "row");
  const rejected = batch.rejected ? `, ${batch.rejected.toLocaleString("en-GB")} rejected` : "";
  return <Measured value={batch.rows_of ? batch.rows / batch.rows_of : null} label={`${batch.id}: rows`} words={`${rows}${rejected}${left && `, ${left}`}`} note="" />;
}

function Measured({ value, label, words, note }: { value: number | null; label: string; words: string; note: string }) {
  return (
    <span class="progress-cell">
      <span class="number">
        <span>{words}</span>
        <span>{note || (value === null ? "" : percent(value))}</span>
      </span>
      <ProgressBar value={value} label={label} />
    </span>
  );
}

const PHASES: Record<string, string> = {
  receiving: "Sending",
  fetching: "Fetching",
  waiting: "Waiting its turn",
  reading: "Reading rows",
  committing: "Writing",
  done: "In force",
  refused: "Refused",
};

function phaseWords(batch: BatchState, sending: Sent | undefined): string {
  if (batch.phase === "receiving" && sending?.paused) return "Paused";
  if (batch.phase === "receiving" && !sending) return "Waits for the rest";
  return PHASES[batch.phase] ?? batch.phase;
}

function toneOf(batch: BatchState): string {
  if (batch.phase === "done") return "done";
  return batch.phase === "refused" ? "failed" : "running";
}
