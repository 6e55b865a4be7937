// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AudioTrack, CaptionTrack, MediaInfo, Title, VideoTrack } from "../src/api/types.ts";
import { AboutFilm, captionWords, pictureWords, soundWords } from "../src/site/title/about.tsx";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
});

const picture: VideoTrack = {
  codec: "hevc", width: 3840, height: 2160, frame_rate: "24000/1001", frames: 720, variable_frame_rate: false, rotation_degrees: 0,
  pixel_format: "yuv420p10le", hdr: true, interlaced: false, hdr_format: "HDR10", bit_depth: 10, key_frames: 12, resized: false,
  colour: { primaries: "bt2020", transfer: "smpte2084", matrix: "bt2020nc", levels: "limited", mastering: null, light: { max_nits: 1000, max_average_nits: 400 } },
};
const sound: AudioTrack = {
  codec: "aac", sample_rate: 48000, channels: 6, language: "en", title: "",
  loudness: { integrated_lufs: -21.6, range_lu: 17.7, true_peak_dbtp: -0.8 },
};
const german: CaptionTrack = { codec: "subrip", language: "de", title: "", text: true, forced: false, hearing_impaired: false };

function titleWith(media: Partial<MediaInfo>): Title {
  const whole: MediaInfo = { container: "mov", duration_s: 5520, size_bytes: 1, video: [picture], audio: [sound], cuts_s: [], captions: [], chapters: [], ...media };
  return {
    id: "ttl_1", slug: "tide", name: "Tide", synopsis: "", row: "New here", year: 2019, accent: "", published_at: "2026-11-21T10:00:00Z",
    publication: { asset: "ast_1", base: "media/ast_1", media: whole, renditions: [], hls: "", dash: "", poster: "", posters: [], sprite: "", complete: true, version: 1 },
  } as Title;
}

function factsShown(title: Title): Record<string, string> {
  act(() => render(<AboutFilm title={title} />, root));
  const plain = (node: Element | null) => (node?.textContent ?? "").replaceAll("\u00a0", " ");
  return Object.fromEntries([...root.querySelectorAll("dl > div")].map((fact) => [plain(fact.querySelector("dt")), plain(fact.querySelector("dd"))]));
}

test("a film's facts stand on its page in words", () => {
  const facts = factsShown(titleWith({ captions: [german, { ...german, forced: true }] }));

  expect(facts).toMatchObject({
    "Running time": "1 h 32 min",
    Picture: "3840 × 2160, 23.98 fps",
    "Dynamic range": "HDR10up to 1,000 nits",
    Sound: "English, 5.1, AAC",
    Loudness: "−21.6 LUFSpeaks at −0.8 dBTP, range 17.7 LU",
    Captions: "German, German (forced)",
  });
});

test("what was not found out is left out, and a title of an older encoder is shown all the same", () => {
  const { captions: _captions, chapters: _chapters, ...old } = titleWith({}).publication.media;
  const title = titleWith({});
  title.publication.media = { ...old, video: [{ ...picture, hdr: false, colour: null }], audio: [{ ...sound, loudness: null }] } as unknown as MediaInfo;

  const facts = factsShown(title);

  expect(Object.keys(facts)).not.toContain("Dynamic range");
  expect(Object.keys(facts)).not.toContain("Loudness");
  expect(facts["Captions"]).toBe("None");
});

test("chapters are listed where there are several, each with its moment", () => {
  const chapters = [{ start_s: 0, end_s: 754, title: "Morning" }, { start_s: 754, end_s: 5520, title: "" }];

  factsShown(titleWith({ chapters }));

  expect([...root.querySelectorAll("li")].map((item) => item.textContent?.trim())).toEqual(["0:00 Morning", "12:34 Chapter 2"]);
});

test("a picture is told as it is watched", () => {
  const words = pictureWords({ ...picture, width: 1920, height: 1080, rotation_degrees: 90, frame_rate: "30", variable_frame_rate: true, interlaced: true });

  expect(words.replaceAll("\u00a0", " ")).toBe("1080 × 1920, about 30 fps, interlaced");
});

test("tracks are told by their language, and each caption once", () => {
  expect(soundWords({ ...sound, language: "fr", title: "Commentary", channels: 2 })).toBe("French, Commentary, stereo, AAC");
  expect(captionWords([german, german, { ...german, language: "und" }, { ...german, hearing_impaired: true }])).toEqual([
    "German", "language not stated", "German (for the hard of hearing)",
  ]);
});
