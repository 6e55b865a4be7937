import { expect, test } from "vitest";
import type { Pathway, Session } from "../src/api/types.ts";
import { steeredMpd, steeredPlaylist } from "../src/console/pages/compatibility/steered.ts";

function way(id: string): Pathway {
  const at = `https://${id}.example/t/tok-${id}/media/ast_1/v1`;
  return { id, hls: `${at}/master.m3u8`, dash: `${at}/manifest.mpd`, plain_hls: `${at}/master.m3u8`, steered_hls: "" } as Pathway;
}

const [east, west] = [way("east"), way("west")];
const session = { id: "ses_1", pathways: [east, west], steering: "https://east.example/steer/abc?a=1&b=2" } as Session;

test("an MPD names every region, the chosen one first, and where steering answers", () => {
  const mpd = '<?xml version="1.0"?>\n<MPD type="static" profiles="a">\n<Period id="1"></Period></MPD>';

  expect(steeredMpd(mpd, session, west)).toBe(
    '<?xml version="1.0"?>\n<MPD type="static" profiles="a">' +
      '<BaseURL serviceLocation="west">https://west.example/t/tok-west/media/ast_1/v1/</BaseURL>' +
      '<BaseURL serviceLocation="east">https://east.example/t/tok-east/media/ast_1/v1/</BaseURL>\n' +
      '<ContentSteering defaultServiceLocation="west" queryBeforeStart="false">https://east.example/steer/abc?a=1&amp;b=2</ContentSteering>' +
      '<Period id="1"></Period></MPD>',
  );
});

test("a playlist has every region's variants, each with sounds of its own", () => {
  const playlist = [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="en",URI="a1/media.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1,mp4a",AUDIO="aac"',
    "v360/media.m3u8",
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"',
    "",
  ].join("\n");

  expect(steeredPlaylist(playlist, session, east).split("\n")).toEqual([
    "#EXTM3U",
    '#EXT-X-CONTENT-STEERING:SERVER-URI="https://east.example/steer/abc?a=1&b=2",PATHWAY-ID="east"',
    "#EXT-X-VERSION:7",
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac-east",NAME="en",URI="https://east.example/t/tok-east/media/ast_1/v1/a1/media.m3u8"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac-west",NAME="en",URI="https://west.example/t/tok-west/media/ast_1/v1/a1/media.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1,mp4a",AUDIO="aac-east",PATHWAY-ID="east"',
    "https://east.example/t/tok-east/media/ast_1/v1/v360/media.m3u8",
    '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1,mp4a",AUDIO="aac-west",PATHWAY-ID="west"',
    "https://west.example/t/tok-west/media/ast_1/v1/v360/media.m3u8",
    "",
  ]);
});
