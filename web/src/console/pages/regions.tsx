import { useEffect, useMemo } from "preact/hooks";
import type { ServiceStatus } from "../../api/types.ts";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Ago } from "../../shared/components/small.tsx";
import { useResource } from "../../shared/resource.ts";
import { api } from "../../shared/session.ts";
import { type CellColumn, DataTable, TableSkeleton } from "../table/data_table.tsx";

const EVERY_MS = 3000;

/** The services of the house and their health, as they stand now. */
export function Regions() {
  const { data: status, error, reload } = useResource("status", api.status);
  useEffect(() => {
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const columns = useMemo(serviceColumns, []);
  if (!status) return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  const ill = status.services.filter((service) => !service.healthy);
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Regions</h1>
        <p class={ill.length ? "verdict verdict-bad" : "verdict"}>
          {ill.length ? `Not healthy: ${ill.map((service) => service.name).join(", ")}` : "All services are healthy"}
        </p>
      </div>
      <DataTable rows={status.services} columns={columns} idOf={(service) => service.name} noun="service" order={{ key: "name", down: false }} />
      <p class="page-note">bijou {status.version}; asked every 3 s.</p>
    </section>
  );
}

function serviceColumns(): CellColumn<ServiceStatus>[] {
  return [
    { key: "name", heading: "Service", width: 200, value: (service) => service.name, cell: (service) => <strong>{service.name}</strong> },
    {
      key: "health",
      heading: "Health",
      width: 140,
      value: (service) => (service.healthy ? "healthy" : "not healthy"),
      cell: (service) => <span class={service.healthy ? "state state-done" : "state state-failed"}>{service.healthy ? "Healthy" : "Not healthy"}</span>,
    },
    { key: "address", heading: "Address", width: 260, value: (service) => service.address, cell: (service) => <code>{service.address || "–"}</code> },
    { key: "since", heading: "Since", width: 140, unsearched: true, value: (service) => service.since_at, cell: (service) => <Ago at={service.since_at} /> },
    {
      key: "restarts",
      heading: "Restarts",
      width: 110,
      number: true,
      unsearched: true,
      value: (service) => service.restarts,
      cell: (service) => <span class={service.restarts ? "noteworthy" : ""}>{service.restarts}</span>,
    },
  ];
}
