/** One film being played: hls.js on a video element, and what is known of it. */

import Hls, { type ErrorData, ErrorTypes, type Level } from "hls.js";
import type { Session } from "../api/types.ts";
import { Store } from "../shared/store.ts";
import policy from "../../../src/bijou/abr/policy.json";
import { abrController, type Chosen } from "./abr_controller.ts";
import { failoverLoader } from "./failover_loader.ts";
import { Gain } from "./gain.ts";
import { hlsConfig } from "./hls_config.ts";
import { Measured } from "./measured.ts";
import { Pathways } from "./pathways.ts";
import { tellAttempt, tellPlayback, whereabouts } from "./playback_reports.ts";
import { Reports } from "./reports.ts";
import { Stalls } from "./stalls.ts";
import { Steering } from "./steering.ts";
import { BROWSER_TIMER, type Timer } from "./timer.ts";
import { type Figures, FRESH, type PlayerState, type PlayerView, type Rung } from "./view.ts";

const ESTIMATE_KEY = "bijou.throughput";
const RETRY_MS = 3000;

export class PlayerEngine {
  readonly video: HTMLVideoElement;
  readonly hls: Hls | null;
  readonly view: Store<PlayerView>;
  readonly #pathways: Pathways;
  readonly #stalls = new Stalls();
  readonly #gain: Gain;
  readonly #errors: PlayerState["errors"] = [];
  readonly #stops: (() => void)[] = [];
  readonly #timer: Timer;
  readonly #measured = new Measured();
  readonly #steering: Steering | null = null;
  readonly #reports: Reports | null = null;
  #gains: ReadonlyMap<string, number> = new Map();
  #switches = -1;
  #pathwaySwitches = 0;
  #retry = 0;
  #choice: Chosen | null = null;

  constructor(video: HTMLVideoElement, session: Session, start_s: number, timer = BROWSER_TIMER) {
    this.video = video;
    this.#timer = timer;
    this.#pathways = new Pathways(session.pathways, (to) => {
      this.#pathwaySwitches += 1;
      this.#show({ pathway: to });
      this.#reports?.tell("h", { h: this.#pathways.host }, { urgent: true });
    });
    if (session.reports) this.#reports = this.#makeReports(session, session.reports);
    this.view = new Store({ ...FRESH, pathway: this.#pathways.current });
    this.#gain = new Gain(video);
    this.#watchVideo();
    // Media Source first, even where the browser claims to play HLS by itself.
    this.hls = Hls.isSupported() ? this.#startHls(session, start_s) : this.#startNative(start_s);
    if (this.hls && session.steering) this.#steering = this.#startSteering(session.steering);
    if (this.hls && this.#reports) this.#stops.push(tellPlayback(video, this.hls, this.#reports, timer));
    void this.#play();
  }

  /** For tests and the figures panel. */
  state(): PlayerState {
    const levels = this.hls?.levels ?? [];
    return {
      currentTime: this.video.currentTime,
      levels: levels.map(({ height, bitrate }) => ({ height, bitrate })),
      currentLevelHeight: levels[this.hls?.currentLevel ?? -1]?.height ?? this.video.videoHeight,
      switches: Math.max(0, this.#switches),
      stalls: this.#stalls.count,
      pathway: this.#pathways.current,
      pathwaySwitches: this.#pathwaySwitches,
      pathwayOrder: this.#pathways.order,
      pathwayDecider: this.#pathways.decider,
      steering: this.#steering?.state ?? null,
      arriving: this.view.value.arriving,
      there_s: this.view.value.there_s,
      gain_db: this.#gain.applied_db,
      errors: [...this.#errors],
    };
  }

  figures(): Figures {
    const level: Level | undefined = this.hls?.levels[this.hls.currentLevel];
    const quality = this.video.getVideoPlaybackQuality?.();
    const { switches, stalls, pathway, pathwaySwitches, pathwayOrder, pathwayDecider, steering } = this.state();
    return {
      rendition: level ? `${level.width} × ${level.height}` : `${this.video.videoWidth} × ${this.video.videoHeight}`,
      codecs: [level?.videoCodec, level?.audioCodec].filter(Boolean).join(", "),
      bitrate_bps: level?.bitrate ?? 0,
      throughput_bps: this.hls?.bandwidthEstimate ?? 0,
      buffer_s: this.#bufferAhead(),
      dropped: quality?.droppedVideoFrames ?? 0,
      frames: quality?.totalVideoFrames ?? 0,
      pathway,
      pathway_switches: pathwaySwitches,
      pathway_order: pathwayOrder,
      pathway_decider: pathwayDecider,
      steering,
      steered_s: steering?.answered_ms == null ? null : (this.#timer.now_ms() - steering.answered_ms) / 1000,
      switches,
      stalls,
      window: `${this.video.clientWidth} × ${this.video.clientHeight}`,
      choice: this.hls?.autoLevelEnabled ? this.#choice : null,
      heights: (this.hls?.levels ?? []).map(({ height }) => height),
    };
  }

  choose(rung: number): void {
    if (this.hls) this.hls.nextLevel = rung;
    this.#show({ chosen: rung });
  }

  chooseSound(index: number): void {
    if (this.hls) this.hls.audioTrack = index;
    this.#show({ sound: index });
  }

  chooseCaption(index: number): void {
    if (this.hls) {
      this.hls.subtitleTrack = index;
      this.hls.subtitleDisplay = index >= 0;
    }
    this.#show({ caption: index });
  }

  /** Tell by how much each sound is to be turned up, by the name of its rendition. */
  setGains(gains_db: ReadonlyMap<string, number>): void {
    this.#gains = gains_db;
    this.#turnUp();
  }

  /** Try again after trouble, from where the film stood. */
  retry(): void {
    clearTimeout(this.#retry);
    if (!this.hls) {
      this.video.load();
      void this.#play();
      return;
    }
    if (this.hls.levels.length) this.hls.startLoad(this.video.currentTime);
    else this.hls.loadSource(this.#pathways.source);
    void this.#play();
  }

  play(): void {
    this.#show({ needs_click: false });
    void this.#play();
  }

  destroy(): void {
    clearTimeout(this.#retry);
    const estimate = this.hls?.bandwidthEstimate;
    if (estimate && this.view.value.started) remember(estimate);
    this.#steering?.stop();
    for (const stop of this.#stops) stop();
    this.#reports?.stop();
    this.hls?.destroy();
    this.#gain.destroy();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #makeReports(session: Session, address: string): Reports {
    const now = () => whereabouts(this.video, this.hls);
    return new Reports({ address, session, pathways: this.#pathways, now, fetch: (...call) => fetch(...call), timer: this.#timer });
  }

  #startSteering(address: string): Steering {
    const throughput_bps = () => this.#measured.of(this.#pathways.current);
    return new Steering({ address, pathways: this.#pathways, throughput_bps, fetch: (...call) => fetch(...call), timer: this.#timer });
  }

  #startHls(session: Session, start_s: number): Hls {
    const reports = this.#reports;
    const hls = new Hls({
      ...hlsConfig(start_s, remembered(), session.id, session.title),
      loader: failoverLoader(Hls.DefaultConfig.loader, this.#pathways, this.#timer.now_ms, (attempt) => {
        this.#measured.observe(attempt);
        if (reports) tellAttempt(reports, attempt);
      }),
      abrController: abrController(policy, (choice) => void (this.#choice = choice), () => this.#steering?.state?.brown_out ?? false),
    });
    const { Events } = Hls;
    hls.on(Events.MANIFEST_PARSED, (_, { levels }) => {
      const rungs = levels.map((level, index) => ({ index, height: level.height, bitrate_bps: level.bitrate }));
      this.#show({ rungs: oncePerHeight(rungs), trouble: null });
    });
    hls.on(Events.LEVEL_SWITCHED, (_, { level }) => {
      this.#switches += 1;
      this.#show({ playing_height: hls.levels[level]?.height ?? 0 });
    });
    hls.on(Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) => {
      this.#show({ sounds: audioTracks.map((track, index) => ({ index, label: track.name || track.lang || `Track ${index + 1}` })) });
    });
    hls.on(Events.AUDIO_TRACK_SWITCHED, () => {
      this.#show({ sound: hls.audioTrack });
      this.#turnUp();
    });
    hls.on(Events.LEVEL_LOADED, (_, { details }) => this.#show({ arriving: details.live, there_s: details.edge }));
    hls.on(Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) => {
      this.#show({ captions: subtitleTracks.map((track, index) => ({ index, label: track.name || track.lang || `Track ${index + 1}` })) });
    });
    hls.on(Events.FRAG_BUFFERED, () => {
      if (this.view.value.trouble) this.#show({ trouble: null });
    });
    hls.on(Events.ERROR, (_, data) => this.#onError(hls, data));
    hls.attachMedia(this.video);
    hls.loadSource(this.#pathways.source);
    return hls;
  }

  #startNative(start_s: number): null {
    const { video } = this;
    if (video.canPlayType("application/vnd.apple.mpegurl")) {
      video.src = this.#pathways.source;
      this.#on("loadedmetadata", () => void (start_s > 0 && (video.currentTime = start_s)));
      this.#on("error", () => this.#show({ trouble: { words: "this browser cannot play the film", code: "player.native" } }));
    } else {
      this.#show({ trouble: { words: "this browser plays neither Media Source Extensions nor HLS", code: "player.unsupported" } });
    }
    return null;
  }

  #onError(hls: Hls, data: ErrorData): void {
    this.#errors.push({ details: data.details, fatal: data.fatal, at_s: this.video.currentTime });
    if (this.#errors.length > 50) this.#errors.shift();
    if (!data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR) {
      hls.recoverMediaError();
      return;
    }
    this.#show({ trouble: { words: "no region serves this film at the moment", code: `player.${data.details}` } });
    clearTimeout(this.#retry);
    this.#retry = window.setTimeout(() => this.retry(), RETRY_MS);
  }

  #watchVideo(): void {
    this.#on("playing", () => {
      this.#stalls.playing();
      this.#show({ started: true, needs_click: false, ended: false, trouble: null });
    });
    this.#on("pause", () => this.#stalls.paused());
    this.#on("waiting", () => this.#stalls.waiting(this.video));
    this.#on("ended", () => this.#show({ ended: true }));
    this.#on("seeking", () => this.#show({ ended: false }));
  }

  #on(kind: keyof HTMLVideoElementEventMap, listener: () => void): void {
    this.video.addEventListener(kind, listener);
    this.#stops.push(() => this.video.removeEventListener(kind, listener));
  }

  /** Native players keep their sound to themselves. */
  #turnUp(): void {
    const track = this.hls?.audioTracks[this.hls.audioTrack];
    if (track) this.#gain.set(this.#gains.get(renditionOf(track.url)) ?? 0);
  }

  async #play(): Promise<void> {
    try {
      await this.video.play();
    } catch (error) {
      // Without a click in this page, browsers refuse sound; then one is asked for.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#show({ needs_click: true });
    }
  }

  #show(change: Partial<PlayerView>): void {
    this.view.set({ ...this.view.value, ...change });
  }

  #bufferAhead(): number {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) return buffered.end(i) - currentTime;
    }
    return 0;
  }
}

/** The name of a rendition in the address of its playlist. */
export function renditionOf(address: string): string {
  return /([^/?#]+)\.m3u8(?:[?#]|$)/.exec(address)?.[1] ?? "";
}

/** The best rung of each height, tallest first. */
export function oncePerHeight(rungs: readonly Rung[]): Rung[] {
  const best = new Map<number, Rung>();
  for (const rung of rungs) {
    const known = best.get(rung.height);
    if (!known || known.bitrate_bps < rung.bitrate_bps) best.set(rung.height, rung);
  }
  return [...best.values()].sort((a, b) => b.height - a.height);
}

function remembered(): number {
  try {
    return Number(localStorage.getItem(ESTIMATE_KEY)) || 0;
  } catch {
    return 0;
  }
}

function remember(estimate_bps: number): void {
  try {
    localStorage.setItem(ESTIMATE_KEY, String(Math.round(estimate_bps)));
  } catch {
    // Then the next film starts from the usual guess.
  }
}
