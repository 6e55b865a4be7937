/** The players that a title is tried with; each one's code is fetched when it is first used. */

import type Shaka from "shaka-player";
import type { Pathway, Session } from "../../../api/types.ts";
import { steeredMpd, steeredPlaylist } from "./steered.ts";

/** What a player is fetching at the moment; 0 and empty where it does not say. */
export interface Fetching {
  width: number;
  height: number;
  bitrate_bps: number;
  throughput_bps: number;
}

export interface Running {
  fetching: () => Fetching;
  stop: () => void | Promise<void>;
}

export interface Stage {
  video: HTMLVideoElement;
  session: Session;
  pathway: Pathway;
  /** The one of the pathway's addresses that this way plays. */
  address: string;
  /** Takes an error's code; `fatal` where the player gives up. */
  onError: (code: string, fatal: boolean) => void;
}

export interface Way {
  id: string;
  name: string;
  format: "HLS" | "DASH";
  /** Which address of a pathway it plays; empty where there is none for it. */
  address: (pathway: Pathway) => string;
  /** Fetch its code, so that the first frame is not what that took. */
  load: () => Promise<unknown>;
  start: (stage: Stage) => Promise<Running>;
}

const bijou = () => import("../../../player/engine.ts");
const hlsJs = () => import("hls.js");
const shakaPlayer = () => import("shaka-player/dist/shaka-player.compiled-es2021.js");
const dashJs = () => import("dashjs");

/** Fetched ahead by those who steer themselves, so that a move shows within a short film. */
const AHEAD_S = 6;

const NOTHING: Fetching = { width: 0, height: 0, bitrate_bps: 0, throughput_bps: 0 };
const hls = (pathway: Pathway) => pathway.hls;
/** Shaka knows variables of playlists only in parts: it gets the token in the path. */
const plainHls = (pathway: Pathway) => pathway.plain_hls || pathway.hls;
const dash = (pathway: Pathway) => pathway.dash;

export const WAYS: readonly Way[] = [
  { id: "bijou", name: "bijou", format: "HLS", address: hls, load: bijou, start: startBijou },
  { id: "hls", name: "hls.js", format: "HLS", address: hls, load: hlsJs, start: startHls },
  { id: "hls-steered", name: "hls.js, steered", format: "HLS", address: ({ steered_hls }) => steered_hls, load: hlsJs, start: startHls },
  { id: "shaka-dash", name: "Shaka Player", format: "DASH", address: dash, load: shakaPlayer, start: startShaka },
  { id: "shaka-hls", name: "Shaka Player", format: "HLS", address: plainHls, load: shakaPlayer, start: startShaka },
  { id: "shaka-dash-steered", name: "Shaka, steered", format: "DASH", address: dash, load: shakaPlayer, start: startShakaSteered },
  { id: "shaka-hls-steered", name: "Shaka, steered", format: "HLS", address: plainHls, load: shakaPlayer, start: startShakaSteered },
  { id: "dash", name: "dash.js", format: "DASH", address: dash, load: dashJs, start: startDash },
  { id: "dash-steered", name: "dash.js, steered", format: "DASH", address: dash, load: dashJs, start: startDashSteered },
];

async function startBijou({ video, session, pathway, onError }: Stage): Promise<Running> {
  const { PlayerEngine } = await bijou();
  const others = session.pathways.filter((one) => one !== pathway);
  // Not steered: it is to stay with the edge that was chosen.
  const engine = new PlayerEngine(video, { ...session, pathways: [pathway, ...others], steering: "", reports: "" }, 0);
  let told = 0;
  return {
    fetching: () => {
      const { errors } = engine.state();
      for (const { details, fatal } of errors.slice(told)) onError(details, fatal);
      told = errors.length;
      const { bitrate_bps, throughput_bps } = engine.figures();
      return { width: video.videoWidth, height: video.videoHeight, bitrate_bps, throughput_bps };
    },
    stop: () => engine.destroy(),
  };
}

async function startHls({ video, address, onError }: Stage): Promise<Running> {
  const { default: Hls } = await hlsJs();
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, { details, fatal }) => onError(details, fatal));
  hls.loadSource(address);
  hls.attachMedia(video);
  void play(video);
  return {
    fetching: () => {
      const level = hls.levels[hls.currentLevel];
      return level ? { width: level.width, height: level.height, bitrate_bps: level.bitrate, throughput_bps: hls.bandwidthEstimate } : NOTHING;
    },
    stop: () => hls.destroy(),
  };
}

async function startShakaSteered(stage: Stage): Promise<Running> {
  return withSteered(stage, (address, kind) => startShaka({ ...stage, address }, kind));
}

async function startDashSteered(stage: Stage): Promise<Running> {
  return withSteered(stage, (address) => startDash({ ...stage, address }, true));
}

/** Start with a manifest that names all regions, for as long as the player runs. */
async function withSteered({ session, pathway, address }: Stage, start: (address: string, kind: string) => Promise<Running>): Promise<Running> {
  const [made, kind] = address === pathway.dash ? ([steeredMpd, "application/dash+xml"] as const) : ([steeredPlaylist, "application/x-mpegurl"] as const);
  const text = await (await fetch(address)).text();
  const own = URL.createObjectURL(new Blob([made(text, session, pathway)], { type: kind }));
  const running = await start(own, kind);
  return {
    fetching: running.fetching,
    stop: async () => {
      await running.stop();
      URL.revokeObjectURL(own);
    },
  };
}

async function startShaka({ video, address, onError }: Stage, kind = ""): Promise<Running> {
  const { default: shaka } = await shakaPlayer();
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  const told = ({ code, severity }: Shaka.util.Error) => onError(`shaka.${code}`, severity === shaka.util.Error.Severity.CRITICAL);
  player.addEventListener("error", (event) => told((event as unknown as { detail: Shaka.util.Error }).detail));
  if (kind) player.configure({ streaming: { bufferingGoal: AHEAD_S, rebufferingGoal: 1 } });
  await player.attach(video);
  player.load(address, undefined, kind || undefined).then(
    () => play(video),
    (error: Shaka.util.Error) => told(error),
  );
  return {
    fetching: () => {
      const { width, height, streamBandwidth, estimatedBandwidth } = player.getStats();
      return { width: width || 0, height: height || 0, bitrate_bps: streamBandwidth || 0, throughput_bps: estimatedBandwidth || 0 };
    },
    stop: () => player.destroy(),
  };
}

async function startDash({ video, address, onError }: Stage, steered = false): Promise<Running> {
  const { MediaPlayer } = await dashJs();
  const player = MediaPlayer().create();
  if (steered) player.updateSettings({ streaming: { buffer: { bufferTimeDefault: AHEAD_S, bufferTimeAtTopQuality: AHEAD_S, bufferTimeAtTopQualityLongForm: AHEAD_S } } });
  player.updateSettings({ debug: { logLevel: 0 } });
  player.on(MediaPlayer.events.ERROR, (event) => {
    const { error } = event as { error: { code?: number } | string };
    onError(`dash.${typeof error === "string" ? error : (error.code ?? "unknown")}`, true);
  });
  player.initialize(video, address, true);
  return {
    fetching: () => {
      const picture = player.getCurrentRepresentationForType("video");
      if (!picture) return NOTHING;
      const { width, height, bitrateInKbit } = picture;
      return { width, height, bitrate_bps: bitrateInKbit * 1000, throughput_bps: 1000 * (player.getAverageThroughput("video") || 0) };
    },
    stop: () => player.destroy(),
  };
}

async function play(video: HTMLVideoElement): Promise<void> {
  // Refused without a click, or called off by a stop: the controls are there for it.
  await video.play().catch(() => undefined);
}
