import { useEffect, useState } from "preact/hooks";
import type { OverlapMatrix } from "../../../api/types.ts";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Quiet, Skeleton } from "../../../shared/components/small.tsx";
import { setQuery, usePlace } from "../../../shared/navigation.ts";
import { type ApiError, asApiError } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import { TableSkeleton } from "../../table/data_table.tsx";
import * as calls from "./calls.ts";
import { reachFigure, share } from "./words.ts";
import { useCheck } from "./rule/use_check.ts";

const MOST = 20;

/** How some audiences share members. */
export function Overlap() {
  const asked = new URLSearchParams(usePlace().query);
  const { data: audiences, error, reload } = useResource("audiences", calls.all);
  const built = (audiences ?? []).filter((one) => one.members !== null).map((one) => one.name);
  const chosen = (asked.get("names") ?? "").split("\n").filter((name) => built.includes(name));
  const pick = (names: readonly string[]) => setQuery(queryOf({ view: "overlap", names: names.join("\n"), pair: "" }));
  if (!audiences) return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  if (built.length < 2) {
    return (
      <Quiet icon="audience" within heading="Nothing to compare yet" words="Two audiences must be built before it can be said what they share." command="audience build">
        <a class="button button-accent" href="/console/audiences">
          To the audiences
        </a>
      </Quiet>
    );
  }
  return (
    <div class="overlap">
      <div class="rule-choices" role="group" aria-label="Audiences to compare">
        {built.map((name) => {
          const on = chosen.includes(name);
          return (
            <button
              type="button"
              key={name}
              class="rule-choice"
              aria-pressed={on}
              disabled={!on && chosen.length >= MOST}
              onClick={() => pick(on ? chosen.filter((one) => one !== name) : [...chosen, name])}
            >
              {name}
            </button>
          );
        })}
      </div>
      {chosen.length < 2 ? <p class="muted">Choose two or more, {MOST} at most.</p> : <Matrix names={chosen} />}
    </div>
  );
}

function Matrix({ names }: { names: string[] }) {
  const [found, setFound] = useState<OverlapMatrix | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [again, setAgain] = useState(0);
  const [pair, setPair] = useState<readonly [string, string] | null>(null);
  const key = names.join("\n");
  useEffect(() => {
    let gone = false;
    calls.overlaps(names).then(
      (matrix) => !gone && (setFound(matrix), setError(null)),
      (failure: unknown) => !gone && setError(asApiError(failure)),
    );
    return () => void (gone = true);
  }, [key, again]);
  if (error) return <ProblemView error={error} onRetry={() => setAgain(again + 1)} small />;
  if (!found) return <Skeleton style={{ height: "200px" }} />;
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Members shared, two by two">
        <table class="matrix">
          <thead>
            <tr>
              <th />
              {found.names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.names.map((row, i) => (
              <tr key={row}>
                <th scope="row">{row}</th>
                {found.names.map((column, j) => (
                  <Cell key={column} matrix={found} i={i} j={j} chosen={pair?.[0] === row && pair[1] === column} onChoose={() => setPair([row, column])} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">Members of both, and their share of the row's audience. Counts are in tens; fewer than {found.floor} are not told.</p>
      {pair && <Pair one={pair[0]} other={pair[1]} />}
    </>
  );
}

function Cell({ matrix, i, j, chosen, onChoose }: { matrix: OverlapMatrix; i: number; j: number; chosen: boolean; onChoose: () => void }) {
  const shared = matrix.shared[i]?.[j] ?? null;
  const own = matrix.shared[i]?.[i] ?? null;
  const part = shared !== null && own ? shared / own : 0;
  const words = shared === null ? `under ${matrix.floor}` : shared.toLocaleString("en-GB");
  if (i === j) return <td class="matrix-own number">{words}</td>;
  return (
    <td class="number" style={{ "--part": String(Math.round(Math.min(1, part) * 100)) }}>
      <button type="button" aria-pressed={chosen} aria-label={`${matrix.names[i]} and ${matrix.names[j]}: ${words}`} onClick={onChoose}>
        {words}
        <small>{shared === null || !own ? "" : share(shared, own)}</small>
      </button>
    </td>
  );
}

function Pair({ one, other }: { one: string; other: string }) {
  const ways = [
    [`${one} and ${other}`, { include: [one, other], exclude: [], all_of: true }],
    [`${one} or ${other}`, { include: [one, other], exclude: [], all_of: false }],
    [`${one} without ${other}`, { include: [one], exclude: [other], all_of: false }],
    [`${other} without ${one}`, { include: [other], exclude: [one], all_of: false }],
  ] as const;
  const { told, error } = useCheck(`${one}\n${other}`, () => Promise.all(ways.map(([, way]) => calls.combine({ include: [...way.include], exclude: [...way.exclude], all_of: way.all_of }))));
  if (error) return <ProblemView error={error} small />;
  return (
    <dl class="pairs">
      {ways.map(([words], index) => (
        <div key={words} class="pairs-row">
          <dt>{words}</dt>
          <dd class="number">{told?.[index] ? reachFigure(told[index]!) : "…"}</dd>
        </div>
      ))}
    </dl>
  );
}
