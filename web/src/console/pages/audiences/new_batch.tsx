import { useState } from "preact/hooks";
import type { Mode, Policy } from "../../../api/types.ts";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Field } from "../../../shared/components/small.tsx";
import { bytes } from "../../../shared/format.ts";
import { type ApiError, asApiError } from "../../../shared/problem.ts";
import { sendNew } from "./sendings.ts";
import { fromLocal, toLocal } from "../ads/moments.ts";

interface Props {
  file: File;
  onClose: () => void;
  onOrdered: () => void;
}

/** What a file is: the whole picture or changes, and what one bad row does. */
export function NewBatchForm({ file, onClose, onOrdered }: Props) {
  const [id, setId] = useState(() => batchId(file));
  const [mode, setMode] = useState<Mode>("delta");
  const [policy, setPolicy] = useState<Policy>("keep-good");
  const [at, setAt] = useState(() => toLocal(new Date(file.lastModified)));
  const [column, setColumn] = useState("user");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const wrongId = /^[A-Za-z0-9._:-]{1,100}$/.test(id) ? undefined : "1 to 100 of A-Z a-z 0-9 . _ : -";
  const moment = fromLocal(at);
  const order = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await sendNew({ id, mode, policy, event_at: moment, id_column: column.trim() }, file);
      onOrdered();
    } catch (problem) {
      setFailure(asApiError(problem));
      setBusy(false);
    }
  };
  return (
    <form class="panel new-batch" aria-label="Upload settings" onSubmit={(event) => void order(event)}>
      <h2>
        {file.name} <small class="muted">{bytes(file.size)}</small>
      </h2>
      <div class="new-batch-fields">
        <Choice
          legend="The file is"
          value={mode}
          onChange={setMode}
          choices={[
            ["delta", "Changes", "Users not in it stay as they are"],
            ["full", "The whole picture", "Users not in it are gone"],
          ]}
        />
        <Choice
          legend="A bad row"
          value={policy}
          onChange={setPolicy}
          choices={[
            ["keep-good", "Is left out", "The good rows are kept, the others can be fetched"],
            ["refuse-all", "Refuses the file", "All rows or none"],
          ]}
        />
        <Field label="Batch" hint="Sent again under this id, it changes nothing" error={wrongId}>
          {(ids) => <input {...ids} class="input" autocomplete="off" spellcheck={false} value={id} onInput={(event) => setId(event.currentTarget.value)} />}
        </Field>
        <Field label="True as of" hint="Where a row has no updated_at of its own" error={moment ? undefined : "A date and a time"}>
          {(ids) => <input {...ids} class="input" type="datetime-local" step={1} value={at} onInput={(event) => setAt(event.currentTarget.value)} />}
        </Field>
        <Field label="Column of the identifiers" error={column.trim() ? undefined : "The name of a column"}>
          {(ids) => <input {...ids} class="input" autocomplete="off" spellcheck={false} value={column} onInput={(event) => setColumn(event.currentTarget.value)} />}
        </Field>
      </div>
      {failure && <ProblemView error={failure} small />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button button-accent" disabled={busy || Boolean(wrongId) || !moment || !column.trim()}>
          {busy ? "Beginning…" : "Upload"}
        </button>
      </div>
    </form>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  value: T;
  choices: readonly (readonly [T, string, string])[];
  onChange: (value: T) => void;
}

function Choice<T extends string>({ legend, value, choices, onChange }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {choices.map(([key, words, note]) => (
        <label key={key}>
          <input type="radio" name={legend} checked={value === key} onChange={() => onChange(key)} />
          <span class="two-lines">
            <span>{words}</span>
            <small>{note}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** A first id for a file: its name and the day it was written. */
export function batchId(file: Pick<File, "name" | "lastModified">): string {
  const stem = file.name.replace(/\.(parquet|arrow|feather|csv|gz|zst)/gi, "").replace(/[^A-Za-z0-9._:-]+/g, "-").slice(0, 80);
  return `${stem || "batch"}-${new Date(file.lastModified).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}`;
}
