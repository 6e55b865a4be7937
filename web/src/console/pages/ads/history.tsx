import { useState } from "preact/hooks";
import type { AdRecord } from "../../../api/types.ts";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, Skeleton } from "../../../shared/components/small.tsx";
import { useResource } from "../../../shared/resource.ts";
import { Author } from "./author.tsx";
import * as calls from "./calls.ts";
import { differences } from "./difference.ts";
import { nameOf } from "./kinds.ts";
import { ReasonDialog } from "./reason_dialog.tsx";
import { make } from "./undoing.ts";

/** All versions of a record: who made each, why, and what it changed. */
export function History({ record, onChange }: { record: AdRecord; onChange: () => void }) {
  const { data, error, reload } = useResource(`ads history ${record.id} ${record.version}`, (signal) => calls.history(record.id, signal));
  const [back, setBack] = useState<AdRecord | null>(null);
  return (
    <section class="panel" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {!data && (error ? <ProblemView error={error} onRetry={reload} small /> : <Skeleton style={{ height: "60px" }} />)}
      <ol class="versions" reversed>
        {data?.map((version, place) => (
          <Version key={version.version} version={version} before={data[place + 1] ?? null} current={place === 0} onBack={() => setBack(version)} />
        ))}
      </ol>
      {back && (
        <ReasonDialog
          title={`Bring version ${back.version} back`}
          action="Bring it back"
          onClose={() => setBack(null)}
          onReason={(reason) => make(reason, [{ record, noun: back.noun }], `${nameOf(record)} says again what version ${back.version} said`, onChange)}
        />
      )}
    </section>
  );
}

function Version({ version, before, current, onBack }: { version: AdRecord; before: AdRecord | null; current: boolean; onBack: () => void }) {
  const changed = before ? differences(before.noun, version.noun) : [];
  return (
    <li>
      <div class="version-head">
        <strong class="number">{version.version}</strong>
        <span>{version.reason}</span>
        <span class="muted">
          <Author id={version.author} />, <Ago at={version.at} />
        </span>
        {!current && (
          <button type="button" class="link-button" onClick={onBack}>
            Bring back
          </button>
        )}
      </div>
      {changed.length > 0 && (
        <dl class="version-changes">
          {changed.slice(0, 12).map(({ path, before: old, after }) => (
            <div key={path} class="pairs-row">
              <dt>{path}</dt>
              <dd>
                <del>{old || "nothing"}</del> <ins>{after || "nothing"}</ins>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {changed.length > 12 && <p class="muted">and {changed.length - 12} more</p>}
    </li>
  );
}
