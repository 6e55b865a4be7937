import { useState } from "preact/hooks";
import type { Title } from "../../api/types.ts";
import { Confirm, Dialog } from "../../shared/components/dialog.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Field } from "../../shared/components/small.tsx";
import { toast } from "../../shared/components/toast.tsx";
import { nameProblem } from "../../shared/rules.ts";
import { navigate } from "../../shared/navigation.ts";
import { type ApiError, asApiError, sentence } from "../../shared/problem.ts";
import { api } from "../../shared/session.ts";

/** Change a title's words; the toast takes it back. */
export function EditTitle({ title, onChange, onClose }: { title: Title; onChange: (title: Title) => void; onClose: () => void }) {
  const [name, setName] = useState(title.name);
  const [synopsis, setSynopsis] = useState(title.synopsis);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const wrong = nameProblem(name);

  const undo = async () => {
    try {
      onChange(await api.changeTitle(title.slug, { name: title.name, synopsis: title.synopsis }));
      toast("Taken back");
    } catch (failure) {
      toast(sentence(asApiError(failure).problem.detail), { tone: "bad" });
    }
  };
  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onChange(await api.changeTitle(title.slug, { name: name.trim(), synopsis: synopsis.trim() }));
      toast("Saved", { tone: "good", action: { label: "Undo", run: () => void undo() } });
      onClose();
    } catch (failure) {
      setError(asApiError(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Edit title" onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        <Field label="Name" hint="1 to 200 characters" error={wrong}>
          {(ids) => <input {...ids} class="input" value={name} maxLength={240} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Field label="Synopsis" hint="What it is about, in a sentence or three">
          {(ids) => <textarea {...ids} class="input" rows={5} value={synopsis} onInput={(event) => setSynopsis(event.currentTarget.value)} />}
        </Field>
        {error && <ProblemView error={error} small />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-accent" disabled={busy || Boolean(wrong)}>
            {busy ? "Saving…" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Take a title off the site, after asking. */
export function WithdrawTitle({ title, onClose }: { title: Title; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const withdraw = async () => {
    setBusy(true);
    try {
      await api.withdraw(title.slug);
      toast(`${title.name} is withdrawn`);
      navigate("/");
    } catch (failure) {
      toast(sentence(asApiError(failure).problem.detail), { tone: "bad" });
      setBusy(false);
    }
  };
  return (
    <Confirm
      title={`Withdraw ${title.name}?`}
      words="It leaves the site at once, for everybody. This cannot be undone: to have it back, it must be uploaded again."
      action="Withdraw"
      busy={busy}
      onConfirm={() => void withdraw()}
      onClose={onClose}
    />
  );
}
