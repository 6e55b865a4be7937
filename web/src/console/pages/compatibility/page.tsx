import "./compatibility.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Title } from "../../../api/types.ts";
import { at, useEdges } from "../../../shared/art.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Field, Quiet } from "../../../shared/components/small.tsx";
import { bitrate } from "../../../shared/format.ts";
import { setQuery, usePlace } from "../../../shared/navigation.ts";
import { type ApiError, asApiError } from "../../../shared/problem.ts";
import { useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import { api } from "../../../shared/session.ts";
import { BROWSER_TIMER } from "../../../player/timer.ts";
import { Trial, type TrialFigures } from "./trial.ts";
import { WAYS, type Way } from "./ways.ts";

declare global {
  interface Window {
    /** For tests: what each way of playing came to. */
    bijouCompatibility?: () => Record<string, TrialFigures>;
  }
}

const LOOK_EVERY_MS = 250;
/** How long each player gets when all are tried, if the address says nothing else. */
const EACH_S = 8;
/** One that shows nothing is given up. */
const PATIENCE_MS = 30_000;

type Results = Record<string, TrialFigures>;

/** One title in every player that its viewers may have. */
export function CompatibilityPage() {
  const titles = useResource("titles", api.titles);
  const query = new URLSearchParams(usePlace().query);
  const slug = query.get("title") ?? "";
  const title = titles.data?.find((one) => one.slug === slug) ?? titles.data?.[0];
  if (titles.error && !titles.data) return <ProblemView error={titles.error} onRetry={titles.reload} />;
  if (titles.data && !title) {
    return <Quiet icon="film" heading="Nothing to play yet" words="Other players are tried with a title of the site; there is none." command="upload film.mp4" />;
  }
  return (
    <section class="page compatibility">
      <div class="page-head">
        <h1>Compatibility</h1>
      </div>
      <p class="page-note">One title through one edge in the players that viewers may have, measured alike. The first one tried may find the edge cold.</p>
      {title && <Bench key={title.slug} titles={titles.data ?? []} title={title} region={query.get("region") ?? ""} each_s={secondsOf(query.get("each"))} />}
    </section>
  );
}

function Bench({ titles, title, region, each_s }: { titles: Title[]; title: Title; region: string; each_s: number }) {
  const screen = useRef<HTMLDivElement>(null);
  const trial = useRef<Trial | null>(null);
  const round = useRef(0);
  const latest = useRef<Results>({});
  const [results, setResults] = useState<Results>({});
  const [playing, setPlaying] = useState("");
  const [all, setAll] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const edges = useEdges();
  const edge = edges[0];

  const show = (change: Results) => {
    latest.current = change;
    setResults(change);
  };
  const look = () => {
    const now = trial.current;
    if (now) show({ ...latest.current, [now.way.id]: now.figures() });
  };
  const end = async () => {
    look();
    const ending = trial.current;
    trial.current = null;
    await ending?.stop();
    screen.current?.replaceChildren();
  };
  const begin = async (way: Way, mine: number) => {
    await end();
    if (round.current !== mine) return;
    setPlaying(way.id);
    try {
      const session = await api.playback(title.slug, region);
      const pathway = session.pathways.find((one) => one.id === region) ?? session.pathways[0];
      if (round.current !== mine) return;
      if (!pathway || !way.address(pathway)) return setPlaying("");
      const begun = await Trial.begin(way, { video: freshVideo(screen.current), session, pathway }, BROWSER_TIMER);
      if (round.current === mine) trial.current = begun;
      else await begun.stop();
    } catch (error) {
      setProblem(asApiError(error));
    }
  };
  const stop = async () => {
    round.current += 1;
    setAll(false);
    setPlaying("");
    await end();
  };
  const one = async (way: Way) => {
    setProblem(null);
    setAll(false);
    round.current += 1;
    await begin(way, round.current);
  };
  const each = async () => {
    setProblem(null);
    setAll(true);
    show({});
    round.current += 1;
    const mine = round.current;
    for (const way of WAYS) {
      await begin(way, mine);
      await until(() => round.current !== mine || !trial.current || isThrough(trial.current?.figures(), each_s), each_s);
      if (round.current !== mine) return;
    }
    await stop();
  };

  useEffect(() => {
    const timer = setInterval(look, LOOK_EVERY_MS);
    window.bijouCompatibility = () => latest.current;
    return () => {
      clearInterval(timer);
      round.current += 1;
      void trial.current?.stop();
      delete window.bijouCompatibility;
    };
  }, []);

  const go = (change: Record<string, string>) => setQuery(queryOf({ title: title.slug, region, each: each_s === EACH_S ? "" : String(each_s), ...change }));
  return (
    <>
      <div class="compatibility-choice">
        <Field label="Title">
          {(ids) => (
            <select class="input" {...ids} value={title.slug} onChange={(event) => go({ title: event.currentTarget.value })}>
              {titles.map(({ slug, name }) => (
                <option key={slug} value={slug}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Edge">
          {(ids) => (
            <select class="input" {...ids} value={region} onChange={(event) => go({ region: event.currentTarget.value })}>
              <option value="">The preferred one</option>
              {edges.map(({ region: name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {playing ? (
          <button type="button" class="button" onClick={() => void stop()}>
            <Icon name="close" size={18} /> Stop
          </button>
        ) : (
          <button type="button" class="button button-accent" onClick={() => void each()}>
            <Icon name="play" size={18} /> Try each for {each_s} s
          </button>
        )}
      </div>
      {problem && <ProblemView small error={problem} onRetry={() => setProblem(null)} />}
      <div class="compatibility-bench">
        <div class="compatibility-screen">
          <div ref={screen} hidden={!playing} />
          {!playing && edge && title.publication.poster && <img src={at(edge, title.publication.poster)} alt="" />}
        </div>
        <ol class="compatibility-ways" aria-label="Players">
          {WAYS.map((way) => (
            <li key={way.id} class={way.id === playing ? "compatibility-now" : ""}>
              <button type="button" class="compatibility-way" aria-pressed={way.id === playing} onClick={() => void one(way)}>
                <Icon name="play" size={16} />
                <strong>{way.name}</strong> <span>{way.format}</span>
              </button>
              <Verdict figures={results[way.id]} now={way.id === playing} waiting={all} />
            </li>
          ))}
        </ol>
      </div>
      <Table results={results} />
    </>
  );
}

function Verdict({ figures, now, waiting }: { figures: TrialFigures | undefined; now: boolean; waiting: boolean }) {
  if (now && (!figures || figures.state === "loading")) return <span class="state state-running">Loading</span>;
  if (!figures) return <span class="nothing">{waiting ? "Waits its turn" : "Not tried"}</span>;
  if (figures.errors.length) return <span class="state state-failed">{figures.state === "failed" ? "Failed" : "Errors"}</span>;
  if (now) return <span class="state state-running">Playing</span>;
  if (figures.first_frame_ms === null) return <span class="state state-failed">No picture</span>;
  return <span class="state state-done">Plays</span>;
}

function Table({ results }: { results: Results }) {
  return (
    <div class="compatibility-table" tabIndex={0} role="region" aria-label="Figures of each player">
      <table>
        <thead>
          <tr>
            <th scope="col">Player</th>
            <th scope="col">First frame</th>
            <th scope="col">Rendition</th>
            <th scope="col">Heights shown</th>
            <th scope="col">Throughput</th>
            <th scope="col">Buffer</th>
            <th scope="col">Played</th>
            <th scope="col">Stalls</th>
            <th scope="col">Dropped</th>
            <th scope="col">Errors</th>
          </tr>
        </thead>
        <tbody>
          {WAYS.map((way) => (
            <FiguresRow key={way.id} way={way} figures={results[way.id]} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FiguresRow({ way, figures }: { way: Way; figures: TrialFigures | undefined }) {
  const name = (
    <th scope="row">
      {way.name} <span>{way.format}</span>
    </th>
  );
  if (!figures) {
    return (
      <tr class="nothing">
        {name}
        {Array.from({ length: 9 }, (_, index) => (
          <td key={index}>–</td>
        ))}
      </tr>
    );
  }
  const { fetching, errors } = figures;
  return (
    <tr>
      {name}
      <td>{figures.first_frame_ms === null ? "–" : `${Math.round(figures.first_frame_ms)} ms`}</td>
      <td>{fetching.height ? `${fetching.height}p, ${bitrate(fetching.bitrate_bps)}` : "–"}</td>
      <td>{figures.heights.join(", ") || "–"}</td>
      <td>{fetching.throughput_bps ? bitrate(fetching.throughput_bps) : "–"}</td>
      <td>{figures.buffer_s.toFixed(1)} s</td>
      <td>{figures.played_s.toFixed(1)} s</td>
      <td class={figures.stalls ? "noteworthy" : ""}>{figures.stalls}</td>
      <td>
        {figures.dropped} of {figures.frames}
      </td>
      <td class={errors.length ? "compatibility-bad" : ""} title={errors.join("\n")}>
        {errors.length ? `${errors.length}: ${errors[0]}` : 0}
      </td>
    </tr>
  );
}

/** Each try has a picture of its own: what one player did to it is none of the next one's business. */
function freshVideo(screen: HTMLElement | null): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.controls = true;
  video.playsInline = true;
  video.crossOrigin = "anonymous";
  screen?.replaceChildren(video);
  return video;
}

function secondsOf(text: string | null): number {
  const seconds = Number(text);
  return seconds >= 1 && seconds <= 600 ? seconds : EACH_S;
}

function isThrough(figures: TrialFigures | undefined, each_s: number): boolean {
  return figures !== undefined && (figures.played_s >= each_s || figures.state === "failed" || figures.state === "ended");
}

/** Wait until something holds, or patience ends. */
async function until(holds: () => boolean, each_s: number): Promise<void> {
  const ends_ms = performance.now() + each_s * 1000 + PATIENCE_MS;
  while (!holds() && performance.now() < ends_ms) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
