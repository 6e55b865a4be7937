// Generated from the Structs of src/bijou by `python -m tools.typescript`; do not edit.

/** A moment as RFC 3339, in UTC. */
export type Instant = string;

/** A break in one title, or (`title` empty) in every title. */
export interface AdBreak {
  is: "break";
  placement: string;
  title?: string;
  point?: Point;
  at_ms?: number;
  longest_ms?: number;
  slots?: number;
  state?: AdState;
}

/** A word by which rivals are kept apart; refusing a parent refuses its children. */
export interface AdCategory {
  is: "category";
  name: string;
  label: string;
  parent?: string;
}

/** One revision of the configuration, and which records it touched. */
export interface AdChange {
  revision: number;
  at: Instant;
  author: string;
  reason: string;
  records: string[];
}

/** A change as it took effect. */
export interface AdChanged {
  revision: number;
  records: AdRecord[];
}

/** A record to be made, or its next version. */
export interface AdEdit {
  noun: Noun;
  id?: string;
  version?: number;
}

/** One version of one record: what it says, who said so, when and why. */
export interface AdRecord {
  id: string;
  number: number;
  kind: string;
  version: number;
  revision: number;
  at: Instant;
  author: string;
  reason: string;
  noun: Noun;
}

/** One file of a creative. */
export interface AdRendition {
  url: string;
  media_type: string;
  width?: number;
  height?: number;
  bitrate_bps?: number;
}

/** Whether a record takes part; nothing is ever deleted. */
export type AdState = "draft" | "active" | "paused" | "archived";

/** A type of ad as data: a schema, a renderer, and what the player's events count as. */
export interface AdType {
  is: "ad_type";
  name: string;
  renderer: string;
  schema: Record<string, unknown>;
  events: Record<string, string>;
  timed?: boolean;
}

/** What an order for the whole catalogue has come to; titles by their slugs. */
export interface Additions {
  jobs: Job[];
  there: string[];
  busy: string[];
  without_source: string[];
}

/** Who pays. */
export interface Advertiser {
  is: "advertiser";
  name: string;
  domain?: string;
  currency?: string;
  time_zone?: string;
  state?: AdState;
}

/** People like those of an audience, and in what they are alike, the strongest first. */
export interface Alike {
  reach: Reach;
  reasons: Reason[];
}

/** All of them hold; of none, everybody. */
export interface And {
  is: "and";
  of: Rule[];
}

/** A creative of a line item, and how often it is taken beside the others. */
export interface Assignment {
  creative: string;
  weight: number;
}

/** An audience as it is shown. */
export interface Audience {
  name: string;
  rule: string;
  purpose: string;
  households: boolean;
  says: string;
  members: number | null;
  withheld: boolean;
  evaluated_at: Instant | null;
  warnings: Warned[];
  tree: Rule;
  builds_on: string[];
  used_by: string[];
}

/** An audience that rules may name, and how many it must hold to be targeted. */
export interface AudienceReference {
  is: "audience";
  name: string;
  audience: string;
  least_members?: number;
}

/** What stands in a folder of audiences. */
export interface AudienceState {
  users: number;
  version: number;
  layers: number;
  audiences: number;
  pending: boolean;
  built_at: Instant | null;
  size_bytes: number;
  batches: BatchReport[];
  dimensions: Dimension[];
}

/** A line item whose targeting names an audience. */
export interface AudienceUse {
  line_item: string;
  name: string;
  state: AdState;
  reference: string;
  excluded: boolean;
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

/** What became of one batch. */
export interface BatchReport {
  id: string;
  state: string;
  mode: string;
  rows: number;
  kept: number;
  rejected: number;
  late: number;
  users: number;
  fresh: number;
  event_at: Instant;
  applied_at: Instant;
  fingerprint: string;
  rejects: string;
  repeated: boolean;
}

/** A batch, and how far it is. */
export interface BatchState {
  id: string;
  phase: Phase;
  name: string;
  mode: Mode;
  policy: Policy;
  event_at: Instant;
  ordered_at: Instant;
  author: string;
  upload: string;
  received_bytes: number;
  size_bytes: number;
  rows: number;
  rows_of: number;
  rejected: number;
  left_s: number | null;
  has_rejects: boolean;
  problem: Problem | null;
  report: BatchReport | null;
}

/** What is advertised; rivals are kept apart by its categories. */
export interface Brand {
  is: "brand";
  name: string;
  advertiser: string;
  categories?: string[];
  state?: AdState;
}

/** One purpose of one advertiser. */
export interface Campaign {
  is: "campaign";
  name: string;
  advertiser: string;
  begins_at: Instant;
  ends_at: Instant;
  budget_micros?: number;
  currency?: string;
  caps?: FrequencyCap[];
  state?: AdState;
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

/** How many values it has: a row of bits for each, or not. */
export type Cardinality = "few" | "some" | "many";

/** A named stretch of a film, in seconds from its first frame. */
export interface Chapter {
  start_s: number;
  end_s: number;
  title: string;
}

/** What can be said of a rule while it is typed. */
export interface Checked {
  problem: string;
  at: number;
  until: number;
  rule: string;
  warnings: Warned[];
  reach: Reach | null;
  tree: Rule | null;
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

/** Built audiences, joined: any (or all) of some, without those of others. */
export interface Combination {
  include: string[];
  exclude?: string[];
  all_of?: boolean;
}

/** Everybody, or nobody. */
export interface Const {
  is: "const";
  value: boolean;
}

/** How bright a film gets (CTA-861.3). */
export interface ContentLight {
  max_nits: number;
  max_average_nits: number;
}

/** What viewers see; `attributes` are what its ad type's schema asks for. */
export interface Creative {
  is: "creative";
  name: string;
  brand: string;
  ad_type?: string;
  duration_ms?: number;
  click_url?: string;
  attributes?: Record<string, unknown>;
  renditions?: AdRendition[];
  trackers?: Tracker[];
  state?: AdState;
}

/** Minutes of a weekday (0 is Monday) in the line item's time zone, the end not included. */
export interface Daypart {
  weekday: number;
  begins_minute: number;
  ends_minute: number;
}

/** One registered dimension. */
export interface Dimension {
  name: string;
  kind: Kind;
  source?: Source;
  cardinality?: Cardinality;
  privacy?: Privacy;
  values?: string[];
  low?: number | null;
  high?: number | null;
  unit?: string;
  says?: string;
}

/** A dimension, and the values that came so far. */
export interface DimensionShown {
  dimension: Dimension;
  stored: boolean;
  words: string[];
  more_words: number;
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

/** Which of the verdicts to tell. */
export interface ExplainPage {
  reasons?: string[];
  may_serve?: boolean | null;
  like?: string;
  after?: number;
  at_most?: number;
}

/** Whom to ask about, where and when. */
export interface ExplainQuestion {
  viewer?: string;
  break_id?: string;
  facts?: Record<string, boolean | number | string | string[]>;
  spelled?: Record<string, string>;
  audiences?: string[] | null;
  at?: Instant | null;
  utc_offset_s?: number;
  page?: ExplainPage | null;
}

/** The verdicts on all line items, best first. */
export interface Explanation {
  opportunity: Opportunity;
  degraded: string;
  reasons: Record<string, number>;
  verdicts: Judged[];
  total: number;
  serving: number;
  found: number;
  after: number | null;
}

/** Bytes of bodies that an edge had to fetch, by the reason. */
export interface FetchedBytes {
  cold: number;
  capacity: number;
  expired: number;
  health: number;
  steering: number;
  ahead: number;
}

/** When a line item runs, for which goal and budget. */
export interface Flight {
  begins_at: Instant;
  ends_at: Instant;
  goal: Goal;
  goal_units: number;
  budget_micros: number;
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

/** The certificate of one deletion. */
export interface Forgotten {
  known: boolean;
  files: number;
  staged_rows: number;
  at: Instant;
  took_s: number;
  waiting: string[];
}

/** At most so many showings in any window of that length; several hold at once. */
export interface FrequencyCap {
  at_most: number;
  window_s?: number;
  per?: Per;
}

/** What a flight promises. */
export type Goal = "impressions" | "completes" | "clicks" | "share" | "none";

/** What one rate factor costs and gives. */
export interface HullPoint {
  crf: number;
  bits: number;
  vmaf: number;
}

/** The dimension has one of these values; of a set: holds at least one of them. */
export interface In {
  is: "in";
  dimension: string;
  values: (boolean | number | string)[];
}

/** Member of another audience, by name. */
export interface InAudience {
  is: "audience";
  audience: string;
}

/** The contract of a campaign: a sum until a day. */
export interface InsertionOrder {
  is: "insertion_order";
  name: string;
  campaign: string;
  begins_at: Instant;
  ends_at: Instant;
  budget_micros: number;
  currency?: string;
  reference?: string;
  state?: AdState;
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

/** One line item's verdict; see `Verdict`. */
export interface Judged {
  line_item: string;
  name: string;
  may_serve: boolean;
  reason: string;
  says: string;
}

/** What a dimension's values are, and so which tests of a rule fit it. */
export type Kind = "category" | "set" | "integer" | "number" | "flag" | "event";

/** What may be used of a viewer for one purpose, now. */
export interface Known {
  audiences: string[];
  features: Record<string, unknown>;
  degraded: string;
  age_s: number;
  version: number;
}

/** What competes for a slot: one promise, one price, one targeting. */
export interface LineItem {
  is: "line_item";
  name: string;
  insertion_order: string;
  tier: Tier;
  price_model?: PriceModel;
  price_micros?: number;
  currency?: string;
  priority?: number;
  pacing?: Pacing;
  separation?: Separation;
  time_zone?: string;
  targeting?: Rule;
  flights?: Flight[];
  dayparts?: Daypart[];
  caps?: FrequencyCap[];
  creatives?: Assignment[];
  state?: AdState;
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

/** What a batch says of users that are not in it. */
export type Mode = "full" | "delta";

/** Some built audiences. */
export interface Names {
  names: string[];
}

/** Edits that take effect together or not at all. */
export interface NewAdChange {
  reason: string;
  edits: AdEdit[];
  only_check?: boolean;
}

/** What somebody says of an audience. */
export interface NewAudience {
  name: string;
  rule: string;
  purpose?: string;
  households?: boolean;
  says?: string;
}

/** What a sender says of a batch that is to be brought in. */
export interface NewBatch {
  id: string;
  filename?: string;
  size_bytes?: number;
  source?: string;
  mode?: Mode;
  policy?: Policy;
  event_at?: Instant | null;
  id_column?: string;
  sha256?: string;
}

/** Something to target by, beyond what ships; the fields are those of `audience.Dimension`. */
export interface NewDimension {
  is: "dimension";
  name: string;
  kind: Kind;
  source?: Source;
  cardinality?: Cardinality;
  privacy?: Privacy;
  values?: string[];
  low?: number | null;
  high?: number | null;
  unit?: string;
  says?: string;
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

/** All but those. */
export interface Not {
  is: "not";
  of: Rule;
}

export type Noun = Advertiser | Brand | Campaign | InsertionOrder | LineItem | Creative | Placement | AdBreak | AdCategory | AdType | NewDimension | AudienceReference;

/** A kind of event with one value: `watched("noir")`. */
export interface Occasion {
  event: string;
  value: string;
}

/** One place that an ad could fill: who watches what, where and when. */
export interface Opportunity {
  at: Instant;
  facts: Record<string, boolean | number | string | string[]>;
  audiences: string[] | null;
  occasions: Record<string, Record<string, Instant>> | null;
  utc_offset_s: number;
}

/** At least one holds; of none, nobody. */
export interface Or {
  is: "or";
  of: Rule[];
}

/** How two audiences share members; counts as in `Reach`. */
export interface Overlap {
  one: string;
  other: string;
  shared: Reach;
  jaccard: number | null;
}

/** How some audiences share members; rows and columns in the order of `names`. */
export interface OverlapMatrix {
  names: string[];
  shared: ((number | null)[])[];
  jaccard: ((number | null)[])[];
  floor: number;
}

/** How a flight's budget is spread over its time. */
export type Pacing = "even" | "asap" | "front_loaded";

/** One way to the media: a region's edge. */
export interface Pathway {
  id: string;
  hls: string;
  dash: string;
  poster: string;
  plain_hls: string;
  steered_hls: string;
}

/** Whose showings a frequency cap counts. */
export type Per = "viewer" | "household" | "device" | "session" | "break";

/** Somebody, by the identifier under which their features came. */
export interface Person {
  user: string;
}

/** Where a batch is on its way. */
export type Phase = "receiving" | "fetching" | "waiting" | "reading" | "committing" | "done" | "refused";

/** A kind of place for ads, with its rules. */
export interface Placement {
  is: "placement";
  name: string;
  surface?: Surface;
  ad_types?: string[];
  refuses?: string[];
  floor_micros?: number;
  currency?: string;
  state?: AdState;
}

/** When a break comes. */
export type Point = "pre" | "mid" | "post";

/** What a bad row does to its batch. */
export type Policy = "keep-good" | "refuse-all";

/** What is paid for. */
export type PriceModel = "cpm" | "cpcv" | "cpc" | "flat";

/** What may be done with it. */
export type Privacy = "open" | "personal" | "sensitive";

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

/** A number lies between two bounds, each of which may be missing. */
export interface Range {
  is: "range";
  dimension: string;
  low?: number | null;
  high?: number | null;
  low_open?: boolean;
  high_open?: boolean;
}

/** About how many users a rule reaches. */
export interface Reach {
  users: number | null;
  low: number;
  high: number;
  of: number;
  exact: boolean;
  floor: number;
  missing: number;
}

/** What people of an audience have in common. */
export interface Reason {
  dimension: string;
  value: string;
  weight: number;
}

/** An occasion happened in the last `within_s` seconds, now included. */
export interface Recency {
  is: "recency";
  event: string;
  value: string;
  within_s: number;
}

/** Why one row of an update is not kept; see `Reject`. */
export interface RejectedUpdate {
  row: number;
  column: string;
  value: string;
  rule: string;
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

export type Rule = Const | In | Range | Recency | Sequence | InAudience | Not | And | Or;

/** A rule as it is typed, or as a form has made it. */
export interface RuleText {
  rule?: string;
  purpose?: string;
  tree?: Rule | null;
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

/** Whom others are to be like, and how many of them. */
export interface Seed {
  seed: string;
  size: number;
}

/** How far the rivals of its brand are kept. */
export type Separation = "none" | "break" | "session";

/** `first` and, within `within_s` seconds after it, `then` (or not `then`). */
export interface Sequence {
  is: "sequence";
  first: Occasion;
  then: Occasion;
  within_s: number;
  absent: boolean;
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

/** Who knows it, and when. */
export type Source = "profile" | "request" | "content" | "time";

/** The installation at a glance. */
export interface Status {
  version: string;
  command: string;
  services: ServiceStatus[];
}

/** Where on the screen a placement is. */
export type Surface = "break" | "pause" | "overlay" | "companion";

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

/** How a line item competes: promises first, then prices, then the house. */
export type Tier = "guaranteed" | "sponsorship" | "price_priority" | "house";

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

/** Whom else to tell when something happens. */
export interface Tracker {
  event: string;
  url: string;
}

/** The answer to a few users' updates: those that are taken outlive a power cut. */
export interface UpdatesTaken {
  taken: number;
  rejected: RejectedUpdate[];
  visible_within_s: number;
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

/** Whose profile is asked for, and what it is to be used for. */
export interface Viewer {
  user: string;
  purpose?: string;
}

/** Something about a rule that its author should hear. */
export interface Warned {
  kind: string;
  says: string;
}

/** The caller as the site needs to know them; `name` is empty for a guest. */
export interface Whoami {
  id: string;
  name: string;
  roles: Role[];
  csrf: string;
  profiles: Profile[];
}
