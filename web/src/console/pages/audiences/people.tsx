import { useEffect, useMemo, useState } from "preact/hooks";
import type { Forgotten, Known } from "../../../api/types.ts";
import { Confirm } from "../../../shared/components/dialog.tsx";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { CopyCommand, Field } from "../../../shared/components/small.tsx";
import { exact, length } from "../../../shared/format.ts";
import { type ApiError, asApiError } from "../../../shared/problem.ts";
import * as calls from "./calls.ts";

const DEGRADED: Record<string, string> = {
  no_profile: "Nothing is known under this identifier",
  no_consent: "This person has not consented to ads",
  stale: "What is known is older than it should be",
  unavailable: "Profiles cannot be read at the moment",
};

/** One person: what is known of them, and the way to be forgotten. */
export function People() {
  const [user, setUser] = useState("");
  const [known, setKnown] = useState<{ user: string; answer: Known } | null>(null);
  const [certificate, setCertificate] = useState<{ user: string; answer: Forgotten } | null>(null);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    try {
      await work();
    } catch (problem) {
      setFailure(asApiError(problem));
    }
    setBusy(false);
    setAsking(false);
  };
  const look = () =>
    run(async () => {
      setCertificate(null);
      setKnown({ user, answer: await calls.known(user, "ads") });
    });
  const forget = () =>
    run(async () => {
      setCertificate({ user, answer: await calls.forget(user) });
      setKnown(null);
    });
  return (
    <div class="people">
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (user) void look();
        }}
      >
        <Field label="Identifier" hint="As it stands in the file of features; it is kept nowhere">
          {(ids) => <input {...ids} class="input" autocomplete="off" autocapitalize="none" spellcheck={false} value={user} onInput={(event) => setUser(event.currentTarget.value)} />}
        </Field>
        <button type="submit" class="button" disabled={!user || busy}>
          Look
        </button>
        <button type="button" class="button" disabled={!user || busy} onClick={() => setAsking(true)}>
          <Icon name="trash" size={16} /> Delete…
        </button>
      </form>
      <CopyCommand words={`audience delete ${user || "USER"}`} />
      {failure && <ProblemView error={failure} small />}
      {known && <KnownView user={known.user} known={known.answer} />}
      {certificate && <Certificate user={certificate.user} forgotten={certificate.answer} />}
      {asking && (
        <Confirm
          title="Delete this person?"
          words={`Everything that is known of ${user} leaves every file, audience and profile at once. This cannot be undone.`}
          action="Delete"
          busy={busy}
          onConfirm={() => void forget()}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function KnownView({ user, known }: { user: string; known: Known }) {
  const features = Object.entries(known.features);
  return (
    <section class="panel" aria-label={`What is known of ${user}`}>
      <h2>What may be used of {user} for ads</h2>
      {known.degraded && <p class="noteworthy">{DEGRADED[known.degraded] ?? known.degraded}</p>}
      {known.audiences.length > 0 && (
        <p class="chips">
          {known.audiences.map((name) => (
            <a key={name} class="chip" href={`/console/audiences?audience=${encodeURIComponent(name)}`}>
              {name}
            </a>
          ))}
        </p>
      )}
      {features.length > 0 && (
        <dl class="pairs">
          {features.map(([name, value]) => (
            <div key={name} class="pairs-row">
              <dt>{name}</dt>
              <dd>{spelled(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function spelled(value: unknown): string {
  if (Array.isArray(value)) return value.map(spelled).join(", ");
  if (typeof value === "number") return String(Math.round(value * 100) / 100);
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function Certificate({ user, forgotten }: { user: string; forgotten: Forgotten }) {
  const at = new Date(forgotten.at);
  const { waiting } = forgotten;
  const file = useMemo(() => URL.createObjectURL(new Blob([JSON.stringify({ user, ...forgotten }, null, 2)], { type: "application/json" })), [user, forgotten]);
  useEffect(() => () => URL.revokeObjectURL(file), [file]);
  return (
    <section class="panel certificate" aria-label="Certificate of deletion" role="status">
      <h2>{forgotten.known ? "Deleted" : "Nothing was stored under this identifier"}</h2>
      <dl class="pairs">
        <dt>Identifier</dt>
        <dd>{user}</dd>
        <dt>When</dt>
        <dd>{exact(at)}</dd>
        <dt>Files changed</dt>
        <dd>{forgotten.files}</dd>
        <dt>Rows of unfinished batches emptied</dt>
        <dd>{forgotten.staged_rows}</dd>
        <dt>Took</dt>
        <dd>{forgotten.took_s < 1 ? `${Math.round(forgotten.took_s * 1000)}\u00a0ms` : length(forgotten.took_s)}</dd>
        {waiting.length > 0 && (
          <>
            <dt>Still to come</dt>
            <dd>Taken out of {waiting.join(", ")} as well, when that is brought in</dd>
          </>
        )}
      </dl>
      <a class="button button-small" href={file} download={`deletion-${at.toISOString().slice(0, 10)}.json`}>
        Save the certificate
      </a>
    </section>
  );
}
