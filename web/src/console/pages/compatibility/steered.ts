/**
 * Manifests that players steer by themselves: all regions in one, and where steering answers.
 *
 * Ours are shared by all sessions and name one region; what a session knows of the others is put in here, on the page.
 */

import type { Pathway, Session } from "../../../api/types.ts";

/** An MPD with every region's address, the chosen one first. Source: ETSI TS 103 998; DASH-IF, content steering for DASH. */
export function steeredMpd(mpd: string, session: Session, first: Pathway): string {
  const bases = inOrder(session, first)
    .filter(({ dash }) => dash)
    .map(({ id, dash }) => `<BaseURL serviceLocation="${id}">${escaped(new URL(".", dash).href)}</BaseURL>`);
  const steering = `<ContentSteering defaultServiceLocation="${first.id}" queryBeforeStart="false">${escaped(session.steering)}</ContentSteering>`;
  // As the schema has it: addresses come before periods, steering comes last before them.
  return mpd.replace(/<MPD\b[^>]*>/, (root) => root + bases.join("")).replace(/<Period\b/, (period) => steering + period);
}

/** A multivariant playlist with every region's variants, the chosen one's first. Source: rfc8216bis, 4.4.6.6. */
export function steeredPlaylist(playlist: string, session: Session, first: Pathway): string {
  const ways = inOrder(session, first).filter(({ plain_hls }) => plain_hls);
  const lines = playlist.split("\n").filter((line) => line.trim());
  const made: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-MEDIA:")) made.push(...ways.map((way) => grouped(absolute(line, way), way)));
    else if (line.startsWith("#EXT-X-STREAM-INF:")) {
      for (const way of ways) made.push(`${grouped(line, way)},PATHWAY-ID="${way.id}"`, new URL(lines[at + 1] ?? "", way.plain_hls).href);
    } else if (line.startsWith("#") && !line.startsWith("#EXT-X-I-FRAME-STREAM-INF:")) made.push(line);
  }
  const steering = `#EXT-X-CONTENT-STEERING:SERVER-URI="${session.steering}",PATHWAY-ID="${first.id}"`;
  return [made[0], steering, ...made.slice(1), ""].join("\n");
}

function inOrder(session: Session, first: Pathway): Pathway[] {
  return [first, ...session.pathways.filter(({ id }) => id !== first.id)];
}

/** The line with its address made whole. */
function absolute(line: string, { plain_hls }: Pathway): string {
  return line.replace(/URI="([^"]*)"/, (_, uri: string) => `URI="${new URL(uri, plain_hls).href}"`);
}

/** The line with groups of renditions that are one region's. */
function grouped(line: string, { id }: Pathway): string {
  return line.replace(/\b(GROUP-ID|AUDIO|SUBTITLES|VIDEO)="([^"]*)"/g, (_, name: string, group: string) => `${name}="${group}-${id}"`);
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
