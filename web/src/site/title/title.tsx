import { useEffect, useState } from "preact/hooks";
import type { Title } from "../../api/types.ts";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Quiet, Skeleton, useTitle } from "../../shared/components/small.tsx";
import { factsOf } from "../../shared/facts.ts";
import { clock, length } from "../../shared/format.ts";
import { onLive, TITLE_KINDS, type TitleNews } from "../../shared/live.ts";
import { useResource } from "../../shared/resource.ts";
import { positions } from "../../shared/resume.ts";
import type { Params } from "../../shared/router.ts";
import { api, may, useMe } from "../../shared/session.ts";
import { Art } from "../art.tsx";
import { Card } from "../home/card.tsx";
import { Shelf } from "../home/shelf.tsx";
import { warmPlayer } from "../watch/watch.tsx";
import { AboutFilm } from "./about.tsx";
import { EditTitle, WithdrawTitle } from "./editing.tsx";
import { MediaPanel } from "./media_panel.tsx";

/** Everything about one title, and the way into it. */
export function TitlePage({ params }: { params: Params }) {
  const slug = params["slug"] ?? "";
  const { data: title, error, reload, set } = useResource(`title ${slug}`, (signal) => api.title(slug, signal));
  useTitle(title ? `${title.name} · bijou` : "bijou");
  useEffect(() => {
    const stops = TITLE_KINDS.map((kind) => onLive<TitleNews>(kind, ({ payload }) => payload.slug === slug && reload()));
    return () => stops.forEach((stop) => stop());
  }, [slug, reload]);
  useEffect(warmPlayer, []);

  if (error?.problem.status === 404) return <NoTitle slug={slug} />;
  if (!title) {
    if (!error) return <TitleSkeleton />;
    return (
      <div class="whole-page">
        <ProblemView error={error} onRetry={reload} />
      </div>
    );
  }
  return <TitleView title={title} onChange={set} />;
}

function TitleView({ title, onChange }: { title: Title; onChange: (title: Title) => void }) {
  const me = useMe();
  const editor = may(me, "editor");
  const [window, setWindow] = useState<"edit" | "withdraw" | null>(null);
  return (
    <>
      <section class="title-hero">
        <Art title={title} class="hero-art" eager />
        <div class="title-words">
          <p class="eyebrow">{title.row}</p>
          <h1 class="display">{title.name}</h1>
          <p class="facts">
            {factsOf(title).map((fact) => (
              <span key={fact}>{fact}</span>
            ))}
          </p>
          {title.publication.complete === false && (
            <p class="title-arriving" role="status">
              Still arriving. You can watch it from the start; the rest comes while you do.
            </p>
          )}
          {title.synopsis && <p class="title-synopsis">{title.synopsis}</p>}
          <PlayButtons title={title} />
          {editor && (
            <div class="title-tools">
              <button type="button" class="button button-glass" onClick={() => setWindow("edit")}>
                <Icon name="edit" size={18} /> Edit
              </button>
              <button type="button" class="button button-glass" onClick={() => setWindow("withdraw")}>
                <Icon name="trash" size={18} /> Withdraw
              </button>
            </div>
          )}
        </div>
      </section>
      <div class="title-below">
        <AboutFilm title={title} />
        {editor && <MediaPanel title={title} />}
      </div>
      <MoreLike title={title} />
      {window === "edit" && <EditTitle title={title} onChange={onChange} onClose={() => setWindow(null)} />}
      {window === "withdraw" && <WithdrawTitle title={title} onClose={() => setWindow(null)} />}
    </>
  );
}

function PlayButtons({ title }: { title: Title }) {
  const position = positions().of(title.slug);
  const address = `/watch/${encodeURIComponent(title.slug)}`;
  if (!position) {
    return (
      <div class="hero-actions">
        <a class="button button-accent button-large" href={address}>
          <Icon name="play" solid size={20} /> Play
        </a>
      </div>
    );
  }
  const left = position.duration_s - position.at_s;
  return (
    <>
      <div class="title-seen" role="img" aria-label={`${length(left)} left`}>
        <span class="title-seen-bar">
          <span style={{ width: `${(position.at_s / position.duration_s) * 100}%` }} />
        </span>
        <span>{length(left)} left</span>
      </div>
      <div class="hero-actions">
        <a class="button button-accent button-large" href={address}>
          <Icon name="play" solid size={20} /> Resume at {clock(position.at_s)}
        </a>
        <a class="button button-glass button-large" href={`${address}?from=start`}>
          <Icon name="replay" size={20} /> From the start
        </a>
      </div>
    </>
  );
}

function MoreLike({ title }: { title: Title }) {
  const { data: rows } = useResource("home", api.home);
  const others = rows?.find((row) => row.titles.some((one) => one.slug === title.slug && row.heading === title.row))?.titles
    ?? rows?.find((row) => row.titles.some((one) => one.slug === title.slug))?.titles
    ?? [];
  const rest = others.filter((one) => one.slug !== title.slug);
  if (!rest.length) return null;
  return (
    <div class="shelves">
      <Shelf heading="More like this" why={`Also in ${title.row}`}>
        {rest.map((one) => (
          <Card key={one.id} title={one} />
        ))}
      </Shelf>
    </div>
  );
}

function NoTitle({ slug }: { slug: string }) {
  useTitle("No such title · bijou");
  return (
    <div class="whole-page">
      <Quiet icon="film" heading="No such title" words={`Nothing here goes by “${slug}”. It may have been withdrawn, or the address has a slip in it.`}>
        <a class="button button-accent" href="/">
          To the films
        </a>
      </Quiet>
    </div>
  );
}

function TitleSkeleton() {
  return (
    <section class="title-hero hero-skeleton" role="status" aria-label="Loading">
      <div class="title-words">
        <Skeleton class="line" style={{ width: "100px" }} />
        <Skeleton class="hero-name-skeleton" />
        <Skeleton class="line" style={{ width: "240px" }} />
        <Skeleton class="line" style={{ width: "min(420px, 80%)" }} />
        <div class="hero-actions">
          <Skeleton class="button-skeleton" />
        </div>
      </div>
    </section>
  );
}
