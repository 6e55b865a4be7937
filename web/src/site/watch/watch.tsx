import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session, Title } from "../../api/types.ts";
import { at, useEdges } from "../../shared/art.ts";
import { Icon } from "../../shared/components/icons.tsx";
import { ProblemView } from "../../shared/components/problem_view.tsx";
import { Quiet, useTitle } from "../../shared/components/small.tsx";
import { navigate } from "../../shared/navigation.ts";
import { type ApiError, asApiError } from "../../shared/problem.ts";
import { positions } from "../../shared/resume.ts";
import type { Params } from "../../shared/router.ts";
import { api, signInHere } from "../../shared/session.ts";
import { spriteIndex } from "../../shared/sprite.ts";

type PlayerKind = ComponentType<Parameters<typeof import("../../player/player.tsx")["Player"]>[0]>;

let loading: Promise<PlayerKind> | null = null;

/** Fetch the player's code before it is needed; other pages stay light without it. */
export function warmPlayer(): void {
  void loadPlayer().catch(() => undefined);
}

function loadPlayer(): Promise<PlayerKind> {
  loading ??= import("../../player/player.tsx").then(
    (module) => module.Player,
    (error: unknown) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

interface Ready {
  player: PlayerKind;
  session: Session;
}

/** The cinema itself: session and player's code are fetched side by side. */
export function WatchPage({ params }: { params: Params }) {
  const slug = params["slug"] ?? "";
  const [ready, setReady] = useState<Ready | null>(null);
  const [title, setTitle] = useState<Title | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const edge = useEdges()[0];
  useTitle(pageTitle(title, error));

  useEffect(() => {
    let gone = false;
    setError(null);
    Promise.all([loadPlayer(), api.playback(slug)]).then(
      ([player, session]) => !gone && setReady({ player, session }),
      (failure: unknown) => !gone && setError(asApiError(failure)),
    );
    api.title(slug).then(
      (found) => !gone && setTitle(found),
      () => undefined,
    );
    return () => void (gone = true);
  }, [slug, attempt]);

  const leave = () => navigate(`/t/${encodeURIComponent(slug)}`);
  if (error) return <NoFilm error={error} slug={slug} onRetry={() => setAttempt(attempt + 1)} />;
  if (!ready) return <Dark onLeave={leave} />;
  const fromStart = new URLSearchParams(location.search).get("from") === "start";
  const { player: View, session } = ready;
  const vtt = title ? spriteIndex(title.publication) : "";
  return (
    <View
      key={session.id}
      slug={slug}
      session={session}
      title={title}
      start_s={fromStart ? 0 : (positions().of(slug)?.at_s ?? 0)}
      thumbnails={vtt && edge ? at(edge, vtt) : ""}
      poster={session.pathways[0]?.poster ?? ""}
      onLeave={leave}
    />
  );
}

function pageTitle(title: Title | null, error: ApiError | null): string {
  if (error) return `${error.problem.status === 404 ? "No such title" : "Not playing"} · bijou`;
  return title ? `${title.name} · bijou` : "bijou";
}

function Dark({ onLeave }: { onLeave: () => void }) {
  return (
    <div class="watch-dark" role="status" aria-label="Loading">
      <button type="button" class="icon-button watch-back" aria-label="Back" onClick={onLeave}>
        <Icon name="arrowLeft" size={26} />
      </button>
      <span class="spinner" />
    </div>
  );
}

function NoFilm({ error, slug, onRetry }: { error: ApiError; slug: string; onRetry: () => void }) {
  const { status } = error.problem;
  if (status === 404) {
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
  if (status === 401) {
    return (
      <div class="whole-page">
        <Quiet icon="people" heading="Sign in to watch" words="This house shows its films to those it knows.">
          <a class="button button-accent" href={signInHere()}>
            Sign in
          </a>
        </Quiet>
      </div>
    );
  }
  return (
    <div class="whole-page">
      <ProblemView error={error} onRetry={onRetry}>
        <a class="button" href="/">
          To the films
        </a>
      </ProblemView>
    </div>
  );
}
