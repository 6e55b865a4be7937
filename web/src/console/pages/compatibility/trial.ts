/** One player's try at a title, measured from outside, the same for all. */

import { Stalls } from "../../../player/stalls.ts";
import type { Timer } from "../../../player/timer.ts";
import type { Fetching, Running, Stage, Way } from "./ways.ts";

export type TrialState = "loading" | "playing" | "ended" | "failed";

export interface TrialFigures {
  state: TrialState;
  /** From the start to the first frame that was shown; null before it. */
  first_frame_ms: number | null;
  played_s: number;
  stalls: number;
  dropped: number;
  frames: number;
  buffer_s: number;
  fetching: Fetching;
  /** Heights that were shown, in order. */
  heights: number[];
  errors: string[];
}

const NOTHING: Fetching = { width: 0, height: 0, bitrate_bps: 0, throughput_bps: 0 };

export class Trial {
  readonly way: Way;
  readonly #video: HTMLVideoElement;
  readonly #timer: Timer;
  readonly #began_ms: number;
  readonly #stalls = new Stalls();
  readonly #errors: string[] = [];
  readonly #heights: number[] = [];
  readonly #quiet = new AbortController();
  #running: Running | null = null;
  #first_frame_ms: number | null = null;
  #played_s = 0;
  #at_s = 0;
  #failed = false;
  #stopped = false;

  /** Begin; its player's code is fetched before the clock starts. */
  static async begin(way: Way, stage: Omit<Stage, "address" | "onError">, timer: Timer): Promise<Trial> {
    const loaded = await way.load().then(() => null, (error: unknown) => error);
    const trial = new Trial(way, stage.video, timer);
    try {
      if (loaded) throw loaded;
      const onError = (code: string, fatal: boolean) => trial.#heard(code, fatal);
      const running = await way.start({ ...stage, address: way.address(stage.pathway), onError });
      if (trial.#stopped) void running.stop();
      else trial.#running = running;
    } catch (error) {
      trial.#heard(error instanceof Error ? error.message : String(error), true);
    }
    return trial;
  }

  private constructor(way: Way, video: HTMLVideoElement, timer: Timer) {
    this.way = way;
    this.#video = video;
    this.#timer = timer;
    this.#began_ms = timer.now_ms();
    this.#watch();
  }

  figures(): TrialFigures {
    const quality = this.#video.getVideoPlaybackQuality?.();
    const fetching = this.#running?.fetching() ?? NOTHING;
    return {
      state: this.#failed ? "failed" : this.#video.ended ? "ended" : this.#first_frame_ms === null ? "loading" : "playing",
      first_frame_ms: this.#first_frame_ms,
      played_s: this.#played_s,
      stalls: this.#stalls.count,
      dropped: quality?.droppedVideoFrames ?? 0,
      frames: quality?.totalVideoFrames ?? 0,
      buffer_s: ahead(this.#video),
      fetching,
      heights: [...this.#heights],
      errors: [...this.#errors],
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#quiet.abort();
    await this.#running?.stop();
    this.#running = null;
  }

  #watch(): void {
    const video = this.#video;
    const on = (kind: string, listener: () => void) => video.addEventListener(kind, listener, { signal: this.#quiet.signal });
    const shown = () => {
      this.#first_frame_ms ??= this.#timer.now_ms() - this.#began_ms;
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(shown);
    else on("playing", shown);
    on("playing", () => this.#stalls.playing());
    on("pause", () => this.#stalls.paused());
    on("waiting", () => this.#stalls.waiting(video));
    on("resize", () => this.#heights.at(-1) !== video.videoHeight && video.videoHeight && this.#heights.push(video.videoHeight));
    on("error", () => this.#heard(`media.${video.error?.code ?? 0}`, true));
    on("timeupdate", () => {
      const step_s = video.currentTime - this.#at_s;
      // A jump is not played.
      if (step_s > 0 && step_s < 2) this.#played_s += step_s;
      this.#at_s = video.currentTime;
    });
  }

  #heard(code: string, fatal: boolean): void {
    if (this.#stopped) return;
    this.#errors.push(code);
    this.#failed ||= fatal;
  }
}

function ahead({ buffered, currentTime }: HTMLVideoElement): number {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) return buffered.end(i) - currentTime;
  }
  return 0;
}
