import { useState } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";
import { Field, ProgressBar } from "../../shared/components/small.tsx";
import { bitrate, bytes, percent, timeLeft } from "../../shared/format.ts";
import { fileAdvice, mayComeAgain, sentence } from "../../shared/problem.ts";
import { nameProblem } from "../../shared/rules.ts";
import { stepWords } from "../../shared/steps.ts";
import type { Item, Stage } from "./machine.ts";
import { cancelItem, editItem, removeItem, tryAgain } from "./use_uploads.ts";

/** One file: its draft, its way, its end. */
export function ItemView({ item }: { item: Item }) {
  return (
    <li class={`upload-item upload-${item.stage.name}`}>
      <div class="upload-head">
        <span class="upload-icon">
          <Icon name={item.stage.name === "done" ? "check" : item.stage.name === "refused" ? "alert" : "film"} size={22} />
        </span>
        <div class="upload-names">
          <strong>{item.name.trim() || item.filename}</strong>
          <span>
            {item.filename} · {bytes(item.size_bytes)}
          </span>
        </div>
        <ItemButton item={item} />
      </div>
      <ItemBody item={item} />
    </li>
  );
}

function ItemButton({ item }: { item: Item }) {
  const { name } = item.stage;
  if (name === "waiting" || name === "sending" || name === "working") {
    return (
      <button type="button" class="button button-small" onClick={() => cancelItem(item.key)}>
        Cancel
      </button>
    );
  }
  if (name === "cancelling") return null;
  if (name === "done") {
    return (
      <a class="button button-accent button-small" href={`/t/${encodeURIComponent(item.stage.name === "done" ? item.stage.slug : "")}`}>
        <Icon name="play" solid size={16} /> Watch
      </a>
    );
  }
  return (
    <button type="button" class="icon-button" aria-label={`Remove ${item.filename}`} onClick={() => removeItem(item.key)}>
      <Icon name="close" size={18} />
    </button>
  );
}

function ItemBody({ item }: { item: Item }) {
  const { stage } = item;
  switch (stage.name) {
    case "draft":
      return <Draft item={item} />;
    case "waiting":
      return <p class="upload-line">Waits for its turn</p>;
    case "sending":
      return <Sending item={item} stage={stage} />;
    case "working":
      return <Working stage={stage} />;
    case "cancelling":
      return (
        <p class="upload-line" role="status">
          Being cancelled
        </p>
      );
    case "done":
      return (
        <p class="upload-line upload-good">
          Ready to watch at <a href={`/t/${encodeURIComponent(stage.slug)}`}>/t/{stage.slug}</a>
        </p>
      );
    case "cancelled":
      return (
        <p class="upload-line">
          Cancelled; nothing of it was kept.{" "}
          <button type="button" class="link-button" onClick={() => tryAgain(item.key)}>
            Upload it after all
          </button>
        </p>
      );
    case "refused":
      return (
        <div class="upload-problem" role="alert">
          <p>{sentence(stage.problem.detail)}</p>
          <p class="problem-advice">{fileAdvice(stage.problem)}</p>
          <p class="problem-code">
            <code>{stage.problem.code}</code>
            {mayComeAgain(stage.problem) && (
              <button type="button" class="link-button" onClick={() => tryAgain(item.key)}>
                Try again
              </button>
            )}
          </p>
        </div>
      );
  }
}

function Draft({ item }: { item: Item }) {
  const [open, setOpen] = useState(item.synopsis !== "");
  return (
    <div class="upload-form">
      <Field label="Name" error={nameProblem(item.name)}>
        {(ids) => <input {...ids} class="input" value={item.name} maxLength={240} onInput={(event) => editItem(item.key, { name: event.currentTarget.value })} />}
      </Field>
      {open ? (
        <Field label="Synopsis" hint="What it is about, in a sentence or three">
          {(ids) => <textarea {...ids} class="input" rows={3} value={item.synopsis} onInput={(event) => editItem(item.key, { synopsis: event.currentTarget.value })} />}
        </Field>
      ) : (
        <button type="button" class="link-button" onClick={() => setOpen(true)}>
          Add a synopsis
        </button>
      )}
    </div>
  );
}

function Sending({ item, stage }: { item: Item; stage: Extract<Stage, { name: "sending" }> }) {
  const share = item.size_bytes ? stage.sent_bytes / item.size_bytes : 0;
  const all = stage.sent_bytes >= item.size_bytes && item.size_bytes > 0;
  return (
    <>
      <Steps at={0} />
      <ProgressBar value={share} label={`Sending ${item.filename}`} />
      <p class="upload-line">
        <span role={stage.held ? "status" : undefined}>{sendingWords(item, stage, all)}</span>
        <span class="number">
          {percent(share)}
          {stage.rate_bps > 0 && !all && ` · ${bitrate(stage.rate_bps)}`}
          {stage.left_s !== null && !all && ` · ${timeLeft(stage.left_s)}`}
        </span>
      </p>
    </>
  );
}

function sendingWords(item: Item, stage: Extract<Stage, { name: "sending" }>, all: boolean): string {
  if (stage.held) return "The server does not answer; this goes on by itself when it is back";
  return all ? "All sent; the server is storing it" : `Sending ${bytes(stage.sent_bytes)} of ${bytes(item.size_bytes)}`;
}

function Working({ stage }: { stage: Extract<Stage, { name: "working" }> }) {
  const begun = stage.step !== "";
  return (
    <>
      <Steps at={stageOf(stage.step)} />
      <ProgressBar value={begun ? stage.progress : null} label={stepWords(stage.step)} />
      <p class="upload-line" aria-live="polite">
        <span>{stepWords(stage.step)}</span>
        <span class="number">
          {begun && percent(stage.progress)}
          {stage.speed > 0 && ` · ${stage.speed.toFixed(1)}× real time`}
          {stage.left_s !== null && begun && ` · ${timeLeft(stage.left_s)}`}
        </span>
      </p>
      {stage.slug && (
        <p class="upload-line upload-good">
          It can be watched from the start already, at <a href={`/t/${encodeURIComponent(stage.slug)}`}>/t/{stage.slug}</a>; the rest is still arriving
        </p>
      )}
    </>
  );
}

const STEPS = ["Send", "Inspect", "Encode", "Publish"];

function stageOf(step: string): number {
  if (step === "publish") return 3;
  return step === "" || step === "inspect" ? 1 : 2;
}

function Steps({ at }: { at: number }) {
  return (
    <ol class="steps" aria-label="Steps">
      {STEPS.map((name, index) => (
        <li key={name} class={index < at ? "step-done" : index === at ? "step-now" : ""} aria-current={index === at ? "step" : undefined}>
          {index < at && <Icon name="check" size={14} />}
          {name}
        </li>
      ))}
    </ol>
  );
}
