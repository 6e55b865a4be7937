/** Thumbnails of a film: one picture, and a WebVTT file that says which part is when. */

import type { Publication } from "../api/types.ts";

export interface Thumbnail {
  start_s: number;
  end_s: number;
  /** Address of the picture, relative to the WebVTT file. */
  picture: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Blob key of the WebVTT file of a publication's sprite; empty where there is none. */
export function spriteIndex(publication: Pick<Publication, "sprite">): string {
  return publication.sprite.replace(/\.(jpe?g|webp|png)$/i, ".vtt");
}

/** Read the cues of a sprite's WebVTT; lines that are none are passed over. */
export function parseThumbnails(text: string): Thumbnail[] {
  const found: Thumbnail[] = [];
  for (const block of text.replace(/\r/g, "").split(/\n\n+/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes("-->"));
    const [from, to] = (lines[at] ?? "").split("-->").map((part) => seconds(part.trim().split(" ")[0] ?? ""));
    const where = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)/.exec(lines[at + 1] ?? "");
    if (at < 0 || from === undefined || to === undefined || !where) continue;
    const [, picture = "", x, y, width, height] = where;
    found.push({
      start_s: from,
      end_s: to,
      picture,
      x: Number(x),
      y: Number(y),
      width: Number(width),
      height: Number(height),
    });
  }
  return found;
}

/** At most `most` thumbnails, evenly over the film. */
export function spread(thumbnails: readonly Thumbnail[], most: number): Thumbnail[] {
  if (thumbnails.length <= most) return [...thumbnails];
  const step = thumbnails.length / most;
  return Array.from({ length: most }, (_, index) => thumbnails[Math.floor(index * step)] as Thumbnail);
}

function seconds(stamp: string): number | undefined {
  const parts = stamp.split(":").map(Number);
  if (parts.length < 2 || parts.some((part) => !Number.isFinite(part))) return undefined;
  return parts.reduce((total, part) => total * 60 + part, 0);
}
