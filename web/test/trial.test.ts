import { expect, test } from "vitest";
import type { Pathway, Session } from "../src/api/types.ts";
import { Trial } from "../src/console/pages/compatibility/trial.ts";
import type { Stage, Way } from "../src/console/pages/compatibility/ways.ts";
import { VirtualTimer } from "./timer.ts";

const FETCHING = { width: 640, height: 360, bitrate_bps: 700_000, throughput_bps: 9e6 };

/** A picture without a browser: what happens to it is what is dispatched. */
class Picture extends EventTarget {
  currentTime = 0;
  videoHeight = 0;
  seeking = false;
  ended = false;
  error: { code: number } | null = null;
  buffered = { length: 1, start: () => 0, end: () => 12 };
  shown: () => void = () => undefined;
  requestVideoFrameCallback = (shown: () => void) => void (this.shown = shown);
  getVideoPlaybackQuality = () => ({ droppedVideoFrames: 1, totalVideoFrames: 50 });

  happen(kind: string, change: Partial<Picture> = {}): void {
    Object.assign(this, change);
    this.dispatchEvent(new Event(kind));
  }
}

async function begun(change: Partial<Way> = {}) {
  const timer = new VirtualTimer();
  const picture = new Picture();
  const log: string[] = [];
  const held: { stage?: Stage } = {};
  const way: Way = {
    id: "one",
    name: "One",
    format: "HLS",
    address: ({ plain_hls }) => plain_hls,
    load: () => timer.pass(5000),
    start: async (stage) => {
      held.stage = stage;
      log.push(stage.address);
      return { fetching: () => FETCHING, stop: () => void log.push("stopped") };
    },
    ...change,
  };
  const stage = { video: picture as unknown as HTMLVideoElement, session: {} as Session, pathway: { plain_hls: "http://e/m.m3u8" } as Pathway };
  const trial = await Trial.begin(way, stage, timer);
  return { trial, timer, picture, log, onError: (code: string, fatal: boolean) => held.stage?.onError(code, fatal) };
}

test("the first frame counts from the start, not from the fetching of the player's code", async () => {
  const { trial, timer, picture, log } = await begun();
  expect(trial.figures()).toMatchObject({ state: "loading", first_frame_ms: null, fetching: FETCHING });

  await timer.pass(150);
  picture.shown();
  await timer.pass(100);

  expect(trial.figures()).toMatchObject({ state: "playing", first_frame_ms: 150, buffer_s: 12, dropped: 1, frames: 50 });
  expect(log).toEqual(["http://e/m.m3u8"]);
});

test("what was played is counted, jumps are not", async () => {
  const { trial, picture } = await begun();
  for (const at of [0.25, 0.5, 20, 20.25]) picture.happen("timeupdate", { currentTime: at });

  expect(trial.figures().played_s).toBeCloseTo(0.75);
});

test("stalls and heights are seen from outside", async () => {
  const { trial, picture } = await begun();
  picture.happen("resize", { videoHeight: 240 });
  picture.happen("playing");
  picture.happen("waiting");
  picture.happen("playing");
  picture.happen("resize", { videoHeight: 480 });
  picture.happen("resize");

  expect(trial.figures()).toMatchObject({ stalls: 1, heights: [240, 480] });
});

test("an error is kept by its code, and a fatal one fails the trial", async () => {
  const { trial, picture, onError } = await begun();
  onError("bufferStalledError", false);
  expect(trial.figures()).toMatchObject({ state: "loading", errors: ["bufferStalledError"] });

  picture.happen("error", { error: { code: 4 } });
  expect(trial.figures()).toMatchObject({ state: "failed", errors: ["bufferStalledError", "media.4"] });
});

test("a player whose code does not come, or that does not start, has failed", async () => {
  const lost = await begun({ load: () => Promise.reject(new Error("no network")) });
  const thrown = await begun({ start: () => Promise.reject(new Error("no decoder")) });

  expect(lost.trial.figures()).toMatchObject({ state: "failed", errors: ["no network"] });
  expect(thrown.trial.figures()).toMatchObject({ state: "failed", errors: ["no decoder"] });
});

test("after the stop nothing counts any more", async () => {
  const { trial, picture, log, onError } = await begun();
  await trial.stop();
  onError("late", true);
  picture.happen("error", { error: { code: 4 } });

  expect(log.at(-1)).toBe("stopped");
  expect(trial.figures().errors).toEqual([]);
});
