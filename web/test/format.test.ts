import { expect, test } from "vitest";
import { ago, bitrate, bytes, channels, clock, clockLength, codec, count, frameRate, language, length, percent, timeLeft, titleOfFile } from "../src/shared/format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

test.each([[0.2, "1 s"], [48, "48 s"], [59.6, "1 min"], [720, "12 min"], [3600, "1 h"], [5520, "1 h 32 min"], [0, ""], [Number.NaN, ""]])("%f s is called %s", (seconds, words) => {
  expect(plain(length(seconds))).toBe(words);
});

test.each([[0, "0:00"], [7.9, "0:07"], [754, "12:34"], [3723, "1:02:03"], [-3, "0:00"], [Number.NaN, "0:00"]])("%f s stands as %s", (seconds, face) => {
  expect(clock(seconds)).toBe(face);
});

test.each([[13.4, "0:13", "13 s"], [13.6, "0:14", "14 s"], [59.6, "1:00", "1 min"]])("a film of %f s is as long on a clock as in words", (seconds, face, words) => {
  expect([clockLength(seconds), plain(length(seconds))]).toEqual([face, words]);
});

test.each([[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [4_139_823, "4.1 MB"], [41_400_000, "41 MB"], [999_600, "1.0 MB"], [7e13, "70 TB"]])("%i bytes are %s", (size, words) => {
  expect(plain(bytes(size))).toBe(words);
});

test("rates keep their unit", () => {
  expect(plain(bitrate(2_400_000))).toBe("2.4 Mb/s");
  expect(plain(bitrate(96_000))).toBe("96 kb/s");
});

test("only what is complete is a hundred percent", () => {
  expect(plain(percent(0.999))).toBe("99 %");
  expect(plain(percent(1))).toBe("100 %");
  expect(plain(percent(Number.NaN))).toBe("0 %");
});

test("time left is rounded as people would", () => {
  expect(timeLeft(2)).toBe("a moment left");
  expect(plain(timeLeft(41))).toBe("about 45 s left");
  expect(plain(timeLeft(130))).toBe("about 3 min left");
  expect(timeLeft(Number.POSITIVE_INFINITY)).toBe("");
});

test("moments are told from now, old ones by their date", () => {
  const now = new Date("2026-11-21T12:00:00Z");
  const before = (seconds: number) => plain(ago(new Date(now.getTime() - seconds * 1000), now));

  expect([10, 300, 7200, 86_400, 3 * 86_400].map(before)).toEqual(["just now", "5 min ago", "2 h ago", "yesterday", "3 days ago"]);
  expect(before(400 * 86_400)).toBe("17 Oct 2025");
});

test("codecs, languages and channels go by their common names", () => {
  expect(["avc1.64001e", "mp4a.40.2", "av01.0.05M.08", "hvc1.1", "theora"].map(codec)).toEqual(["H.264", "AAC", "AV1", "HEVC", "theora"]);
  expect(["en", "de", "und", "", "not a tag"].map(language)).toEqual(["English", "German", "", "", "not a tag"]);
  expect([1, 2, 6, 3].map(channels)).toEqual(["mono", "stereo", "5.1", "3 channels"]);
});

test("counts agree with their noun", () => {
  expect([count(1, "title"), count(0, "title"), count(3012, "title")]).toEqual(["1 title", "0 titles", "3,012 titles"]);
});

test("a file's name is a first guess of its title", () => {
  expect(["my_film-final.mp4", "A.Night.Train.mkv", "plain", ".mp4"].map(titleOfFile)).toEqual(["My film final", "A Night Train", "Plain", ".mp4"]);
});

test.each([["24/1", 3, "24 fps"], ["24000/1001", 2, "23.98 fps"], ["24000/1001", 3, "23.976 fps"], ["30", 2, "30 fps"], ["0/0", 2, ""]])("a rate of %s in %i decimals is %s", (fraction, decimals, words) => {
  expect(plain(frameRate(fraction, decimals))).toBe(words);
});
