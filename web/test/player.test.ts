import { expect, test } from "vitest";
import { oncePerHeight, renditionOf } from "../src/player/engine.ts";
import { factorOf } from "../src/player/gain.ts";
import { hlsConfig } from "../src/player/hls_config.ts";
import { actionOf, nextSpeed } from "../src/player/keys.ts";
import { Stalls } from "../src/player/stalls.ts";

const press = (key: string, target = "body") => actionOf({ key, target, ctrlKey: false, metaKey: false, altKey: false });
const STILL = { seeking: false, ended: false };

test("keys do what people know them for", () => {
  expect(press(" ")).toEqual({ do: "toggle" });
  expect(press("K")).toEqual({ do: "toggle" });
  expect(press("ArrowLeft")).toEqual({ do: "seek", by_s: -5 });
  expect(press("l")).toEqual({ do: "seek", by_s: 10 });
  expect(press("7")).toEqual({ do: "go", share: 0.7 });
  expect(press("?")).toEqual({ do: "help" });
  expect(press("q")).toBeNull();
});

test("a focused control keeps the keys that it needs", () => {
  expect(press(" ", "button")).toBeNull();
  expect(press(" ", "media-play-button")).toBeNull();
  expect(press("ArrowRight", "media-time-range")).toBeNull();
  expect(press("ArrowDown", "input")).toBeNull();
  expect(press("f", "media-time-range")).toEqual({ do: "fullscreen" });
  expect(press("ArrowRight", "button")).toEqual({ do: "seek", by_s: 5 });
});

test("keys with a modifier belong to the browser", () => {
  expect(actionOf({ key: "f", target: "body", ctrlKey: true, metaKey: false, altKey: false })).toBeNull();
});

test("speed stays on its scale", () => {
  expect([nextSpeed(1, 0.25), nextSpeed(2, 0.25), nextSpeed(0.5, -0.25)]).toEqual([1.25, 2, 0.5]);
});

test("waiting while playing is a stall, once", () => {
  const stalls = new Stalls();
  stalls.playing();
  stalls.waiting(STILL);
  stalls.waiting(STILL);
  stalls.playing();
  stalls.waiting(STILL);

  expect(stalls.count).toBe(2);
});

test("waiting before the first picture, for a jump, in a pause or at the end is none", () => {
  const stalls = new Stalls();
  stalls.waiting(STILL);
  stalls.playing();
  stalls.waiting({ seeking: true, ended: false });
  stalls.playing();
  stalls.waiting({ seeking: false, ended: true });
  stalls.playing();
  stalls.paused();
  stalls.waiting(STILL);

  expect(stalls.count).toBe(0);
});

test("each height is offered once, with its best rung, tallest first", () => {
  const rung = (index: number, height: number, bitrate_bps: number) => ({ index, height, bitrate_bps });

  expect(oncePerHeight([rung(0, 240, 4), rung(1, 720, 20), rung(2, 720, 30), rung(3, 480, 9)]).map(({ index }) => index)).toEqual([2, 3, 0]);
});

test("buffers are bounded, and a resumed film begins where it stood", () => {
  const config = hlsConfig(42, 8_000_000, "ses_1", "film");

  expect(config.startPosition).toBe(42);
  expect(hlsConfig(0, 0, "ses_1", "film").startPosition).toBe(0);
  expect(config.maxMaxBufferLength).toBeLessThanOrEqual(30);
  expect(config.maxBufferSize).toBeLessThanOrEqual(30_000_000);
  expect(config.abrEwmaDefaultEstimate).toBe(4_000_000);
});

test("a gain in decibels is a factor", () => {
  expect([0, 6, -6, 20].map((gain_db) => Number(factorOf(gain_db).toFixed(3)))).toEqual([1, 1.995, 0.501, 10]);
});

test("a rendition is known by its playlist's name", () => {
  expect(renditionOf("http://east.test/media/ast_1/live/a128-eng.m3u8?t=1")).toBe("a128-eng");
  expect(renditionOf("http://east.test/media/ast_1/master.mpd")).toBe("");
});
