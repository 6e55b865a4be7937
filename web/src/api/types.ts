// Generated from the Structs of src/bijou by `python -m tools.typescript`; do not edit.

/** A moment as RFC 3339, in UTC. */
export type Instant = string;

/** What an order for the whole catalogue has come to; titles by their slugs. */
export interface Additions {
  jobs: Job[];
  there: string[];
  busy: string[];
  without_source: string[];
}

/** One sound stream of an asset. */
export interface AudioTrack {
  codec: string;
  sample_rate: number;
  channels: number;
  language: string;
  title: string;
  loudness: Loudness | null;
}

/** One caption stream inside an asset's file. */
export interface CaptionTrack {
  codec: string;
  language: string;
  title: string;
  text: boolean;
  forced: boolean;
  hearing_impaired: boolean;
}

/** A named stretch of a film, in seconds from its first frame. */
export interface Chapter {
  start_s: number;
  end_s: number;
  title: string;
}

/** Recipes to be added to what is finished. */
export interface CodecOrder {
  recipes: string[];
  priority: number;
  deadline_at: Instant | null;
}

/** What the numbers of a picture mean, in FFmpeg's names; empty where nothing is said. */
export interface Colour {
  primaries: string;
  transfer: string;
  matrix: string;
  levels: string;
  mastering: MasteringDisplay | null;
  light: ContentLight | null;
}

/** How bright a film gets (CTA-861.3). */
export interface ContentLight {
  max_nits: number;
  max_average_nits: number;
}

/** Where a region's edge answers. */
export interface EdgeAddress {
  region: string;
  base_url: string;
}

/** The signals to scale encoders by. */
export interface EncodeLoad {
  kinds: Load[];
  work_s: number;
  running: Record<string, number>;
  slots: number;
  deadlines: Forecast[];
}

/** Bytes of bodies that an edge had to fetch, by the reason. */
export interface FetchedBytes {
  cold: number;
  capacity: number;
  expired: number;
  health: number;
  steering: number;
}

/** Whether a job makes its deadline. */
export interface Forecast {
  job: string;
  deadline_at: Instant;
  ends_at: Instant;
  work_s: number;
  late_s: number;
  hopeless: boolean;
}

/** What one rate factor costs and gives. */
export interface HullPoint {
  crf: number;
  bits: number;
  vmaf: number;
}

/** One whole encode: from a source blob to a published title, or to more codecs of one. */
export interface Job {
  id: string;
  asset: string;
  source: string;
  filename: string;
  new: NewTitle;
  state: JobState;
  created_at: Instant;
  step: string;
  progress: number;
  attempts: number;
  problem: Problem | null;
  title: string;
  speed: number;
  version: number;
  recipes: string[];
  priority: number;
  deadline_at: Instant | null;
  watchable: boolean;
}

/** Where a job is; `DONE` and `REFUSED` are final, `FAILED` until it is retried. */
export type JobState = "queued" | "running" | "done" | "refused" | "failed";

/** A job with all its tasks. */
export interface JobTasks {
  job: Job;
  duration_s: number;
  rungs: RungProgress[];
  counts: Record<string, number>;
  tasks: TaskView[];
  last_words: string;
  forecast: Forecast | null;
}

/** What one kind of worker has before it: the signals to scale by. */
export interface Load {
  kind: string;
  ready: number;
  later: number;
  running: number;
  dead: number;
  oldest_s: number;
  work_s: number;
  late: number;
}

/** How loud a sound stream is over its whole length (EBU R 128). */
export interface Loudness {
  integrated_lufs: number;
  range_lu: number;
  true_peak_dbtp: number;
}

/** The screen that a film was graded on (SMPTE ST 2086). */
export interface MasteringDisplay {
  red: number[];
  green: number[];
  blue: number[];
  white: number[];
  min_nits: number;
  max_nits: number;
}

/** The facts of an uploaded file, found by looking at its packets. */
export interface MediaInfo {
  container: string;
  duration_s: number;
  size_bytes: number;
  video: VideoTrack[];
  audio: AudioTrack[];
  cuts_s: number[];
  captions: CaptionTrack[];
  chapters: Chapter[];
}

/** What an editor says of a title. */
export interface NewTitle {
  name: string;
  synopsis?: string;
  row?: string;
  year?: number;
  accent?: string;
  slug?: string;
}

/** What a caller says before sending the bytes. */
export interface NewUpload {
  filename: string;
  size_bytes: number;
  title?: NewTitle | null;
}

/** A person to be let in. */
export interface NewUser {
  name: string;
  password: string;
  roles?: Role[];
}

/** One way to the media: a region's edge. */
export interface Pathway {
  id: string;
  hls: string;
  dash: string;
  poster: string;
  plain_hls: string;
  steered_hls: string;
}

/** One error on the wire: RFC 9457 `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retry_after_s?: number | null;
}

/** One of the people behind one account's screen. */
export interface Profile {
  id: string;
  name: string;
  colour: string;
}

/** What the encoder hands over when an asset can be watched. */
export interface Publication {
  asset: string;
  base: string;
  media: MediaInfo;
  renditions: Rendition[];
  hls: string;
  dash: string;
  poster: string;
  sprite: string;
  posters: string[];
  complete: boolean;
  version: number;
}

/** One encoded rung, as published. */
export interface Rendition {
  name: string;
  kind: string;
  codecs: string;
  bandwidth_bps: number;
  average_bps: number;
  size_bytes: number;
  segments: number;
  width: number;
  height: number;
  frame_rate: number;
  language: string;
  gain_db: number;
}

/** What a caller may be; a route asks for one of them. */
export type Role = "anyone" | "viewer" | "editor" | "adops" | "operator" | "service";

/** One row of the home page and why it is there. */
export interface Row {
  heading: string;
  titles: Title[];
}

/** What was chosen for one rendition of a chunk, and from what. */
export interface RungHulls {
  rung: string;
  crfs: number[];
  vmaf: number;
  bits: number;
  reached: boolean;
  hulls: HullPoint[][];
}

/** How one rendition stands. */
export interface RungProgress {
  name: string;
  kind: string;
  done_s: number;
  chunks_done: number;
  chunks: number;
  size_bytes: number;
  speed: number;
}

/** One process of the installation, as the site and `bijou status` show it. */
export interface ServiceStatus {
  name: string;
  healthy: boolean;
  address: string;
  since_at: Instant;
  restarts: number;
}

/** Everything a player needs; pathways in order of preference. */
export interface Session {
  id: string;
  title: string;
  started_at: Instant;
  pathways: Pathway[];
  steering: string;
  reports: string;
}

/** What the sign-in form sends. */
export interface SignIn {
  name: string;
  password: string;
}

/** The installation at a glance. */
export interface Status {
  version: string;
  command: string;
  services: ServiceStatus[];
}

/** One node of a job's graph, as an operator sees it. */
export interface TaskView {
  id: string;
  kind: string;
  state: string;
  name?: string;
  rung?: string;
  chunk?: number;
  needs?: number;
  tried?: number;
  attempts?: number;
  worker?: string;
  progress?: number;
  note?: string;
  problem?: Problem | null;
  last_words?: string;
  work_s?: number;
  vmaf?: number;
  ended_at?: Instant | null;
}

/** A published title: what the site shows and the player needs to know. */
export interface Title {
  id: string;
  slug: string;
  name: string;
  synopsis: string;
  row: string;
  year: number;
  accent: string;
  published_at: Instant;
  publication: Publication;
}

/** What an editor changes of a title; None leaves a field as it is. */
export interface TitleChange {
  name?: string | null;
  synopsis?: string | null;
  row?: string | null;
  year?: number | null;
  accent?: string | null;
}

/** One file on its way in. */
export interface Upload {
  id: string;
  filename: string;
  size_bytes: number;
  state: UploadState;
  created_at: Instant;
  received_bytes: number;
  job: string;
  offset_bytes: number;
  expires_at: Instant;
  metadata: string;
}

/** Whether the bytes are here yet. */
export type UploadState = "open" | "received";

/** A person who may sign in. */
export interface User {
  id: string;
  name: string;
  roles: Role[];
  created_at: Instant;
}

/** One picture stream of an asset. */
export interface VideoTrack {
  codec: string;
  width: number;
  height: number;
  frame_rate: string;
  frames: number;
  variable_frame_rate: boolean;
  rotation_degrees: number;
  pixel_format: string;
  hdr: boolean;
  interlaced: boolean;
  colour: Colour | null;
  hdr_format: string;
  bit_depth: number;
  key_frames: number;
  resized: boolean;
}

/** The caller as the site needs to know them; `name` is empty for a guest. */
export interface Whoami {
  id: string;
  name: string;
  roles: Role[];
  csrf: string;
  profiles: Profile[];
}
