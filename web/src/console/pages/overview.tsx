import { useEffect } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";
import { Ago } from "../../shared/components/small.tsx";
import { downSince } from "../../shared/connection.ts";
import { count } from "../../shared/format.ts";
import { JOB_CHANGED, onLive, TITLE_KINDS } from "../../shared/live.ts";
import { useResource } from "../../shared/resource.ts";
import { api } from "../../shared/session.ts";
import { useStore } from "../../shared/store.ts";

/** How the house does, in three figures. */
export function Overview() {
  const titles = useResource("titles", api.titles);
  const jobs = useResource("jobs", api.jobs);
  const status = useResource("status", api.status);
  useEffect(() => {
    const stops = [...TITLE_KINDS.map((kind) => onLive(kind, titles.reload)), onLive(JOB_CHANGED, jobs.reload)];
    const timer = setInterval(status.reload, 5000);
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
    };
  }, [titles.reload, jobs.reload, status.reload]);

  const down = useStore(downSince);
  const active = jobs.data?.filter((job) => job.state === "running" || job.state === "queued").length;
  const trouble = jobs.data?.filter((job) => job.state === "failed").length ?? 0;
  const services = status.data?.services;
  const healthy = services?.filter((service) => service.healthy).length ?? 0;
  return (
    <section class="page">
      <div class="page-head">
        <h1>Watch</h1>
        <a class="button button-small" href="/">
          <Icon name="play" size={16} /> Open the site
        </a>
      </div>
      <div class="tiles">
        <Tile href="/console/titles" name="Titles" value={titles.data?.length} note="on the site" down={down} failed={titles.error !== null} />
        <Tile
          href="/console/encodes"
          name="Encodes"
          value={active}
          note={trouble ? `at work; ${count(trouble, "job")} failed` : "at work"}
          down={down}
          failed={jobs.error !== null}
        />
        <Tile
          href="/console/regions"
          name="Services"
          value={services ? healthy : undefined}
          note={services ? (healthy === services.length ? "all healthy" : `of ${services.length} healthy`) : ""}
          bad={services !== undefined && healthy < services.length}
          down={down}
          failed={status.error !== null}
        />
      </div>
      <p class="page-note">Who watches what, and how well it plays, appears here when the metrics room opens.</p>
    </section>
  );
}

interface TileProps {
  href: string;
  name: string;
  value: number | undefined;
  note: string;
  bad?: boolean;
  /** Since when nobody answers: what is shown is from before. */
  down: Date | null;
  failed: boolean;
}

function Tile({ href, name, value, note, bad = false, down, failed }: TileProps) {
  return (
    <a class={down ? "tile outdated" : "tile"} href={href}>
      <span class="tile-name">{name}</span>
      {value === undefined ? (
        failed ? (
          <span class="tile-note">No answer for this one</span>
        ) : (
          <span class="skeleton" style={{ width: "64px", height: "44px" }} />
        )
      ) : (
        <>
          <span class="tile-value">{value.toLocaleString("en-GB")}</span>
          <span class={bad && !down ? "tile-note tile-bad" : "tile-note"}>
            {note}
            {down && (
              <>
                , last heard <Ago at={down.getTime()} />
              </>
            )}
          </span>
        </>
      )}
    </a>
  );
}
