import { useEffect } from "preact/hooks";
import type { Row, Title } from "../../api/types.ts";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Quiet, Skeleton, useTitle } from "../../shared/components/small.tsx";
import { onLive, TITLE_KINDS } from "../../shared/live.ts";
import { useResource } from "../../shared/resource.ts";
import { positions } from "../../shared/resume.ts";
import { api } from "../../shared/session.ts";
import { Card, CardSkeleton } from "./card.tsx";
import { Hero } from "./hero.tsx";
import { Shelf } from "./shelf.tsx";

/** Rows of titles under one large one. */
export function Home() {
  useTitle("bijou");
  const { data: rows, error, reload } = useResource("home", api.home);
  useEffect(() => {
    const stops = TITLE_KINDS.map((kind) => onLive(kind, reload));
    return () => stops.forEach((stop) => stop());
  }, [reload]);

  if (!rows) return error ? <HomeProblem error={error} onRetry={reload} /> : <HomeSkeleton />;
  const filled = rows.filter((row) => row.titles.length > 0);
  const first = filled[0]?.titles[0];
  if (!filled[0] || !first) return <HomeEmpty />;
  return (
    <>
      <Hero title={first} heading={filled[0].heading} />
      <div class="shelves">
        <Begun rows={filled} />
        {filled.map((row, index) => (
          <Shelf key={row.heading} heading={row.heading}>
            {row.titles.map((title) => (
              <Card key={title.id} title={title} eager={index === 0} />
            ))}
          </Shelf>
        ))}
      </div>
    </>
  );
}

function Begun({ rows }: { rows: Row[] }) {
  const bySlug = new Map(rows.flatMap((row) => row.titles).map((title) => [title.slug, title]));
  const titles = positions().begun().map((slug) => bySlug.get(slug)).filter((title): title is Title => title !== undefined);
  if (!titles.length) return null;
  return (
    <Shelf heading="Go on watching" why="You began these in this browser">
      {titles.map((title) => (
        <Card key={title.id} title={title} />
      ))}
    </Shelf>
  );
}

function HomeSkeleton() {
  return (
    <div role="status" aria-label="Loading">
      <section class="hero hero-skeleton">
        <div class="hero-words">
          <Skeleton class="line" style={{ width: "120px" }} />
          <Skeleton class="hero-name-skeleton" />
          <Skeleton class="line" style={{ width: "220px" }} />
          <div class="hero-actions">
            <Skeleton class="button-skeleton" />
            <Skeleton class="button-skeleton" />
          </div>
        </div>
      </section>
      <div class="shelves">
        {[0, 1].map((row) => (
          <section class="shelf" key={row}>
            <div class="shelf-head">
              <Skeleton class="line" style={{ width: "160px", height: "20px" }} />
            </div>
            <div class="shelf-line">
              {[0, 1, 2, 3, 4, 5].map((card) => (
                <CardSkeleton key={card} />
              ))}
            </div>
          </section>
        ))}
      </div>
    </div>
  );
}

function HomeEmpty() {
  return (
    <div class="whole-page">
      <Quiet icon="film" heading="The house is empty" words="No film has been uploaded yet; the first one appears here by itself." command="upload film.mp4">
        <a class="button button-accent" href="/upload">
          <Icon name="upload" size={18} /> Upload a film
        </a>
      </Quiet>
    </div>
  );
}

function HomeProblem(props: Parameters<typeof ProblemView>[0]) {
  return (
    <div class="whole-page">
      <ProblemView {...props} />
    </div>
  );
}
