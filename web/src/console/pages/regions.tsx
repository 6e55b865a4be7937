import { useEffect, useMemo } from "preact/hooks";
import type { ServiceStatus } from "../../api/types.ts";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Ago } from "../../shared/components/small.tsx";
import { downSince } from "../../shared/connection.ts";
import { useResource } from "../../shared/resource.ts";
import { api } from "../../shared/session.ts";
import { useStore } from "../../shared/store.ts";
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
  const down = useStore(downSince);
  if (!status) return error ? <ProblemView error={error} onRetry={reload} /> : <TableSkeleton />;
  return (
    <section class={down ? "page page-table outdated" : "page page-table"}>
      <div class="page-head">
        <h1>Regions</h1>
        <Verdict services={status.services} down={down} />
      </div>
      <DataTable rows={status.services} columns={columns} idOf={(service) => service.name} noun="service" order={{ key: "name", down: false }} />
      <p class="page-note">
        bijou {status.version}; asked every 3 s. Whether other players get on with the edges: <a href="/console/compatibility">Compatibility</a>.
      </p>
    </section>
  );
}

/** How the services are; while nobody answers, how they were and when that was heard. */
export function Verdict({ services, down }: { services: readonly ServiceStatus[]; down: Date | null }) {
  const ill = services.filter((service) => !service.healthy).map((service) => service.name);
  const words = !services.length ? "Nothing here is supervised" : ill.length ? `Not healthy: ${ill.join(", ")}` : "All services are healthy";
  if (down) {
    return (
      <p class="verdict verdict-old">
        Last heard <Ago at={down.getTime()} />: {words.charAt(0).toLowerCase() + words.slice(1)}
      </p>
    );
  }
  return <p class={ill.length ? "verdict verdict-bad" : services.length ? "verdict" : "verdict verdict-old"}>{words}</p>;
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
