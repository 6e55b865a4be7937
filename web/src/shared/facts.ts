/** What can be said of a title in a line. */

import type { Rendition, Title } from "../api/types.ts";
import { codec, language, length } from "./format.ts";

/** The tallest picture that a title was encoded in: `720p`; empty for sound only. */
export function tallest(renditions: readonly Rendition[]): string {
  const height = Math.max(0, ...renditions.filter((r) => r.kind !== "audio").map((r) => r.height));
  return height ? `${height}p` : "";
}

/** The languages of a title's sound, each once, in words. */
export function audioLanguages(title: Title): string[] {
  const spoken = title.publication.renditions.filter((r) => r.kind === "audio").map((r) => language(r.language));
  const found = spoken.some(Boolean) ? spoken : title.publication.media.audio.map((track) => language(track.language));
  return [...new Set(found.filter(Boolean))];
}

/** The short line under a name: length, year, tallest picture. */
export function factsOf(title: Title): string[] {
  return [
    title.year ? String(title.year) : "",
    length(title.publication.media.duration_s),
    tallest(title.publication.renditions),
  ].filter(Boolean);
}

/** The pictures a title was encoded in, tallest first, each height once. */
export function pictureRungs(title: Title): Rendition[] {
  const byHeight = new Map<number, Rendition>();
  for (const rendition of title.publication.renditions) {
    if (rendition.kind === "audio" || !rendition.height) continue;
    const known = byHeight.get(rendition.height);
    if (!known || known.bandwidth_bps < rendition.bandwidth_bps) byHeight.set(rendition.height, rendition);
  }
  return [...byHeight.values()].sort((a, b) => b.height - a.height);
}

/** The codecs of a title in words: `H.264, AAC`. */
export function codecsOf(title: Title): string {
  const names = title.publication.renditions.flatMap((r) => r.codecs.split(",")).map((name) => codec(name.trim()));
  return [...new Set(names.filter(Boolean))].join(", ");
}

/** The colour behind a title before its art is there; a quiet one of its own where none is set. */
export function accentOf(title: Pick<Title, "accent" | "slug">): string {
  if (/^#[0-9a-f]{6}$/i.test(title.accent)) return title.accent;
  let hash = 0;
  for (const letter of title.slug) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  return `hsl(${hash} 32% 34%)`;
}
