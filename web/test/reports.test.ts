import type { LoaderContext } from "hls.js";
import { expect, test } from "vitest";
import { cmcdLine, type EventFields } from "../src/player/cmcd_line.ts";
import type { Attempt } from "../src/player/failover_loader.ts";
import { Measured } from "../src/player/measured.ts";
import { Pathways } from "../src/player/pathways.ts";
import { tellAttempt } from "../src/player/playback_reports.ts";
import { BATCH_EVENTS, BATCH_MS, KEPT_EVENTS, POSTED_EVENTS, Reports, URGENT_MS } from "../src/player/reports.ts";
import { VirtualTimer } from "./timer.ts";

const way = (id: string) => ({ id, hls: `http://${id}.test/media/ast_1/master.m3u8`, dash: "", poster: "", plain_hls: "", steered_hls: "" });

/** Reports in virtual time; each host takes them with a status, 0 for none. */
function reporting(statuses: Record<string, number> = {}, now: EventFields = {}, address = "http://east.test/cmcd?state=s1") {
  const timer = new VirtualTimer();
  const posted: { host: string; type: string; lines: string[]; keepalive: boolean }[] = [];
  const pathways = new Pathways([way("east"), way("west")]);
  const fetching = async (address: string, request: RequestInit) => {
    const { host, pathname, search } = new URL(address);
    const headers = request.headers as Record<string, string>;
    posted.push({ host, type: `${request.method} ${pathname}${search} ${headers["Content-Type"]}`, lines: String(request.body).trimEnd().split("\n"), keepalive: Boolean(request.keepalive) });
    const status = statuses[host] ?? 204;
    if (!status) throw new TypeError("Failed to fetch");
    return new Response(null, { status });
  };
  const reports = new Reports({ address, session: { id: "ses_1", title: "the-film" }, pathways, now: () => now, fetch: fetching, timer });
  return { timer, posted, pathways, reports };
}

test("an event is one line of a structured dictionary, its keys in order", () => {
  expect(cmcdLine("rr", { url: "http://e/a", rc: 200, sid: "s", ttfb: 12.6, bl: [1200], ot: "v", v: 2 })).toBe('bl=(1200),e=rr,ot=v,rc=200,sid="s",ttfb=13,url="http://e/a",v=2');
  expect(cmcdLine("e", { ec: ["a", "b"], bs: true })).toBe('bs,e=e,ec=("a" "b")');
});

test("what is unknown is left out, and no text can leave its quotes", () => {
  expect(cmcdLine("t", { br: undefined, mtp: [Number.NaN], d: Number.POSITIVE_INFINITY, bs: false, cid: "" })).toBe("e=t");
  expect(cmcdLine("t", { cid: 'a"b\\c\nd é\ud800' })).toBe('cid="a\\"b\\\\c%0Ad %C3%A9%EF%BF%BD",e=t');
});

test("events wait for company, then go to the edge in use together", async () => {
  const { timer, posted, reports } = reporting({}, { bl: [4000] });
  reports.tell("ps", { sta: "s" });
  await timer.pass(4000);
  reports.tell("bc", { br: [700] });
  await timer.pass(BATCH_MS - 4001);
  expect(posted).toEqual([]);

  await timer.pass(1);
  expect(posted).toHaveLength(1);
  expect(posted[0]).toMatchObject({ host: "east.test", type: "POST /cmcd?state=s1 application/cmcd" });
  const whose = 'cdn="east",cid="the-film"';
  expect(posted[0]?.lines).toEqual([
    `bl=(4000),${whose},e=ps,sf=h,sid="ses_1",sn=0,st=v,sta=s,ts=1700000000000,v=2`,
    `bl=(4000),br=(700),${whose},e=bc,sf=h,sid="ses_1",sn=1,st=v,ts=1700000004000,v=2`,
  ]);
});

test("trouble does not wait, and takes along what did", async () => {
  const { timer, posted, reports } = reporting();
  reports.tell("ps", { sta: "s" });
  reports.tell("ps", { sta: "r" }, { urgent: true });
  await timer.pass(URGENT_MS);

  expect(posted.map(({ lines }) => lines.length)).toEqual([2]);
});

test("a full batch goes at once", async () => {
  const { timer, posted, reports } = reporting();
  for (let event = 0; event < BATCH_EVENTS; event += 1) reports.tell("t");
  await timer.pass(0);

  expect(posted.map(({ lines }) => lines.length)).toEqual([BATCH_EVENTS]);
});

test("what a dead edge did not take is brought to the next one", async () => {
  const { timer, posted, pathways, reports } = reporting({ "east.test": 0 });
  reports.tell("rr", { rc: 0 }, { urgent: true });
  await timer.pass(URGENT_MS);
  pathways.failover("east", new Set(["east"]), timer.now_ms());
  reports.tell("h", {}, { urgent: true });
  await timer.pass(URGENT_MS);

  expect(posted.map(({ host }) => host)).toEqual(["east.test", "west.test"]);
  expect(posted[1]?.lines).toEqual([posted[0]?.lines[0], expect.stringContaining('e=h')]);
});

/** Reports whose posts hang until they are answered by hand. */
function hanging() {
  const timer = new VirtualTimer();
  const posted: string[] = [];
  const answers: ((answer: Response | Promise<Response>) => void)[] = [];
  const fetching = (address: string, request: RequestInit) => {
    posted.push(`${new URL(address).host}: ${String(request.body).trimEnd().split("\n").length}`);
    return new Promise<Response>((resolve) => answers.push(resolve));
  };
  const pathways = new Pathways([way("east"), way("west")]);
  const reports = new Reports({ address: "http://east.test/cmcd", session: { id: "ses_1", title: "" }, pathways, now: () => ({}), fetch: fetching, timer });
  for (let event = 0; event < BATCH_EVENTS; event += 1) reports.tell("t");
  return { timer, posted, answers, pathways, reports };
}

test("trouble that comes while a report is on its way is told soon after", async () => {
  const { timer, posted, answers, reports } = hanging();
  await timer.pass(0);
  reports.tell("rr", { rc: 0 }, { urgent: true });
  await timer.pass(2000);
  expect(posted).toEqual(["east.test: 20"]);

  answers[0]?.(new Response(null, { status: 204 }));
  await timer.pass(URGENT_MS);
  expect(posted).toEqual(["east.test: 20", "east.test: 1"]);
});

test("what a silent edge kept waiting is told to the next one soon after", async () => {
  const { timer, posted, answers, pathways, reports } = hanging();
  await timer.pass(0);
  pathways.failover("east", new Set(["east"]), timer.now_ms());
  reports.tell("h", {}, { urgent: true });

  answers[0]?.(Promise.reject(new TypeError("Failed to fetch")));
  await timer.pass(URGENT_MS);
  expect(posted).toEqual(["east.test: 20", "west.test: 21"]);
});

test("without an absolute address nothing is told, and nobody is disturbed", async () => {
  for (const address of ["", "/cmcd?state=s1", "nonsense"]) {
    const { timer, posted, reports } = reporting({}, {}, address);
    reports.tell("rr", { rc: 0 }, { urgent: true });
    reports.stop();
    await timer.pass(BATCH_MS);

    expect(posted).toEqual([]);
  }
});

test("a place of its own for reports stays where it is, whatever the pathway", async () => {
  const { timer, posted, pathways, reports } = reporting({}, {}, "http://steering.test:8830/cmcd?state=s1");
  pathways.failover("east", new Set(["east"]), timer.now_ms());
  reports.tell("t");
  await timer.pass(BATCH_MS);

  expect(posted.map(({ host }) => host)).toEqual(["steering.test:8830"]);
});

test("an edge that knows no reports is asked once", async () => {
  const { timer, posted, pathways, reports } = reporting({ "east.test": 404 });
  for (let event = 0; event < 3; event += 1) {
    reports.tell("t");
    await timer.pass(BATCH_MS);
  }
  expect(posted).toHaveLength(1);

  pathways.failover("east", new Set(["east"]), timer.now_ms());
  reports.tell("t");
  await timer.pass(BATCH_MS);
  expect(posted.map(({ host }) => host)).toEqual(["east.test", "west.test"]);
});

test("what was refused is not sent again, and an overloaded edge gets it later", async () => {
  const refused = reporting({ "east.test": 400 });
  refused.reports.tell("t");
  await refused.timer.pass(10 * BATCH_MS);
  expect(refused.posted).toHaveLength(1);

  const busy = reporting({ "east.test": 503 });
  busy.reports.tell("t");
  await busy.timer.pass(3 * BATCH_MS);
  expect(busy.posted).toHaveLength(3);
});

test("while nobody takes them only the newest are kept, and no post is longer than its reader reads", async () => {
  const statuses = { "east.test": 0 };
  const { timer, posted, reports } = reporting(statuses);
  for (let event = 0; event < 3 * KEPT_EVENTS; event += 1) {
    reports.tell("t");
    await timer.pass(100);
  }
  const refused = posted.length;
  statuses["east.test"] = 204;
  await timer.pass(10 * BATCH_MS);
  const taken = posted.slice(refused).flatMap(({ lines }) => lines);

  expect(refused).toBeLessThanOrEqual(1 + (300 * KEPT_EVENTS) / BATCH_MS);
  expect(Math.max(...posted.map(({ lines }) => lines.length))).toBe(POSTED_EVENTS);
  expect(taken.length).toBe(KEPT_EVENTS);
  expect(taken.at(-1)).toContain("sn=599");
});

test("the end sends what is left, outlives the page, and takes no more", async () => {
  const { timer, posted, reports } = reporting();
  reports.tell("ps", { sta: "a" });
  reports.stop();
  reports.tell("ps", { sta: "p" });
  reports.stop();
  await timer.pass(60_000);

  expect(posted.map(({ lines, keepalive }) => [lines.length, keepalive])).toEqual([[1, true]]);
  expect(timer.waiting).toBe(0);
});

const attempt = (change: Partial<Attempt>): Attempt => ({
  context: { url: "", responseType: "arraybuffer" } as LoaderContext,
  address: "http://west.test/media/ast_1/v360/00001.m4s?token=secret&CMCD=bl%3D1",
  pathway: "west",
  status: 200,
  loading: { start: 1000, first: 1030, end: 1400 },
  bytes: 500_000,
  ...change,
});

test("an answer is told with the pathway that gave it, its times and its own throughput, and no secret", async () => {
  const { timer, posted, reports } = reporting({}, { mtp: [99_900] });
  await timer.pass(2000);
  tellAttempt(reports, attempt({}));
  await timer.pass(BATCH_MS);

  expect(posted[0]?.lines).toEqual([
    'cdn="west",cid="the-film",e=rr,mtp=(10000),ot=m,rc=200,sf=h,sid="ses_1",sn=0,st=v,ts=1700000001000,ttfb=30,ttlb=400,url="http://west.test/media/ast_1/v360/00001.m4s",v=2',
  ]);
});

test("an answer that did not come is told soon, without times that it does not have", async () => {
  const { timer, posted, reports } = reporting({}, { mtp: [99_900] });
  tellAttempt(reports, attempt({ status: 0, loading: { start: 0, first: 0, end: 0 }, bytes: 0 }));
  tellAttempt(reports, attempt({ status: 503, loading: { start: 0, first: 0, end: 0 }, bytes: 0 }));
  await timer.pass(URGENT_MS);

  expect(posted[0]?.lines.map((line) => /rc=\d+/.exec(line)?.[0])).toEqual(["rc=0", "rc=503"]);
  expect(posted[0]?.lines.join()).not.toMatch(/ttfb|ttlb|mtp/);
});

test("a segment is told by its type and length", async () => {
  const { timer, posted, reports } = reporting();
  for (const [type, sn] of [["main", 3], ["audio", 3], ["subtitle", 3], ["main", "initSegment"]] as const) {
    tellAttempt(reports, attempt({ context: { url: "", frag: { type, sn, duration: 4.004 } } as unknown as LoaderContext }));
  }
  await timer.pass(BATCH_MS);

  expect(posted[0]?.lines.map((line) => /ot=\w+/.exec(line)?.[0])).toEqual(["ot=v", "ot=a", "ot=tt", "ot=i"]);
  expect(posted[0]?.lines.map((line) => /\bd=\d+/.exec(line)?.[0])).toEqual(["d=4004", "d=4004", "d=4004", undefined]);
});

test("what is told of a pathway was measured on it alone, and nothing is told before", () => {
  const measured = new Measured();
  expect(measured.of("west")).toBe(0);

  measured.observe(attempt({}));
  measured.observe(attempt({ pathway: "east", bytes: 5_000_000 }));
  expect([measured.of("west"), measured.of("east")]).toEqual([10_000_000, 100_000_000]);

  measured.observe(attempt({ bytes: 1_000_000 }));
  expect(measured.of("west")).toBe(13_000_000);
});

test("small answers and failures are no measure", () => {
  const measured = new Measured();
  measured.observe(attempt({ bytes: 900 }));
  measured.observe(attempt({ status: 503 }));
  measured.observe(attempt({ loading: { start: 0, first: 0, end: 0 } }));

  expect(measured.of("west")).toBe(0);
});
