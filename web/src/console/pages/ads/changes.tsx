import { useMemo } from "preact/hooks";
import type { AdChange } from "../../../api/types.ts";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Ago, Quiet } from "../../../shared/components/small.tsx";
import { count } from "../../../shared/format.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../../table/data_table.tsx";
import { Author } from "./author.tsx";
import * as calls from "./calls.ts";

/** Who changed the configuration, when and why; the last thousand. */
export function Changes() {
  const { data, error, reload } = useResource("ads changes", calls.changes);
  const columns = useMemo(columnsOf, []);
  if (!data) return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  if (!data.length) return <Quiet icon="megaphone" within heading="No changes yet" words="Every change of ads stands here with its author and reason." />;
  return <DataTable rows={data} columns={columns} idOf={(change) => String(change.revision)} noun="change" order={{ key: "revision", down: true }} />;
}

function columnsOf(): CellColumn<AdChange>[] {
  return [
    { key: "revision", heading: "Revision", width: 100, number: true, value: (change) => change.revision, cell: (change) => change.revision },
    { key: "reason", heading: "Reason", width: 320, value: (change) => change.reason, cell: (change) => <span title={change.reason}>{change.reason}</span> },
    { key: "author", heading: "By", width: 200, value: (change) => change.author, cell: (change) => <Author id={change.author} /> },
    {
      key: "records",
      heading: "Records",
      width: 160,
      value: (change) => change.records.join(" "),
      cell: (change) =>
        change.records.length === 1 ? (
          <a class="cell-link" href={`/console/ads${queryOf({ record: change.records[0]! })}`}>
            {change.records[0]}
          </a>
        ) : (
          count(change.records.length, "record")
        ),
    },
    { key: "at", heading: "When", width: 120, unsearched: true, value: (change) => change.at, cell: (change) => <Ago at={change.at} /> },
  ];
}
