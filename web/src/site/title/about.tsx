import type { ComponentChildren } from "preact";
import type { AudioTrack, CaptionTrack, Chapter, Title, VideoTrack } from "../../api/types.ts";
import { Ago } from "../../shared/components/small.tsx";
import { codecsOf, pictureRungs } from "../../shared/facts.ts";
import { channels, clock, codec, frameRate, language, length } from "../../shared/format.ts";

const MINUS = "\u2212";
const GAP = "\u00a0";

/** What there is to know of a film before one watches it; what nobody knows is left out. */
export function AboutFilm({ title }: { title: Title }) {
  const { media } = title.publication;
  const picture = media.video[0];
  const loudness = media.audio.find((track) => track.loudness)?.loudness;
  // A title that an older encoder published may lack what was found out since.
  const captions = captionWords(media.captions ?? []);
  const chapters = media.chapters ?? [];
  return (
    <section class="about-film" aria-labelledby="about-film">
      <h2 id="about-film" class="about-heading">
        About this film
      </h2>
      <dl class="fact-sheet">
        <Fact name="Running time">{length(media.duration_s) || "unknown"}</Fact>
        {title.year > 0 && <Fact name="Year">{title.year}</Fact>}
        {picture && <Fact name="Picture">{pictureWords(picture)}</Fact>}
        {picture?.hdr && (
          <Fact name="Dynamic range">
            {picture.hdr_format || "HDR"}
            {brightness(picture) && <small class="fact-note">{brightness(picture)}</small>}
          </Fact>
        )}
        <Fact name="Sound">
          {media.audio.length ? media.audio.map((track, number) => <span class="fact-line" key={number}>{soundWords(track)}</span>) : "None"}
        </Fact>
        {loudness && (
          <Fact name="Loudness">
            {decibels(loudness.integrated_lufs)} LUFS
            <small class="fact-note">
              peaks at {decibels(loudness.true_peak_dbtp)} dBTP, range {loudness.range_lu.toFixed(1)} LU
            </small>
          </Fact>
        )}
        <Fact name="Captions">{captions.length ? captions.join(", ") : "None"}</Fact>
        <Fact name="Encoded in">
          <span class="chips">
            {pictureRungs(title).map((rung) => (
              <span class="chip" key={rung.name}>
                {rung.height}p
              </span>
            ))}
            <span class="chip-note">{codecsOf(title)}</span>
          </span>
        </Fact>
        <Fact name="Published">
          <Ago at={title.published_at} />
        </Fact>
      </dl>
      {chapters.length > 1 && <Chapters chapters={chapters} />}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Chapters({ chapters }: { chapters: readonly Chapter[] }) {
  return (
    <details class="chapters">
      <summary>{chapters.length} chapters</summary>
      <ol>
        {chapters.map((chapter, number) => (
          <li key={number}>
            <span class="chapter-time">{clock(chapter.start_s)}</span> {chapter.title || `Chapter ${number + 1}`}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** A picture in words: `1920 × 1080, 24 fps`; upright as it is watched. */
export function pictureWords(track: VideoTrack): string {
  const turned = track.rotation_degrees === 90 || track.rotation_degrees === 270;
  const [width, height] = turned ? [track.height, track.width] : [track.width, track.height];
  const rate = frameRate(track.frame_rate, 2);
  return [
    `${width} × ${height}`,
    rate && (track.variable_frame_rate ? `about ${rate}` : rate),
    track.interlaced ? "interlaced" : "",
  ].filter(Boolean).join(", ");
}

/** A sound track in words: `English, 5.1, AAC`. */
export function soundWords(track: AudioTrack): string {
  return [language(track.language), track.title ?? "", channels(track.channels), codec(track.codec)].filter(Boolean).join(", ");
}

/** Caption tracks in words, each once: `German (forced)`. */
export function captionWords(tracks: readonly CaptionTrack[]): string[] {
  const words = tracks.map((track) => {
    const name = language(track.language) || track.title || "language not stated";
    const notes = [track.forced ? "forced" : "", track.hearing_impaired ? "for the hard of hearing" : ""].filter(Boolean);
    return notes.length ? `${name} (${notes.join(", ")})` : name;
  });
  return [...new Set(words)];
}

function brightness(track: VideoTrack): string {
  const nits = track.colour?.light?.max_nits || track.colour?.mastering?.max_nits || 0;
  return nits ? `up to ${Math.round(nits).toLocaleString("en-GB")}${GAP}nits` : "";
}

function decibels(value: number): string {
  return `${value < 0 ? MINUS : ""}${Math.abs(value).toFixed(1)}`;
}
