import { expect, test } from "vitest";
import { steeredBy } from "../src/player/figures_panel.tsx";
import { PENALTY_MS, Pathways } from "../src/player/pathways.ts";
import { SILENCE_MS, Steering } from "../src/player/steering.ts";
import { readAnswer, withWhereabouts } from "../src/player/steering_answer.ts";
import { VirtualTimer } from "./timer.ts";

const EAST = "http://127.0.0.2:8810";
const WEST = "http://127.0.0.3:8810";
const NORTH = "http://127.0.0.4:8810";
const HOSTS: Record<string, string> = { east: EAST, west: WEST, north: NORTH };
const FIRST = `${EAST}/steer/state1`;

type Answering = (address: URL) => Response | "silent" | "refused";

const manifest = (order: string[], more: object = {}) => new Response(JSON.stringify({ VERSION: 1, TTL: 10, "PATHWAY-PRIORITY": order, ...more }));
const media = (host: string) => `${host}/media/ast_1/v360/00001.m4s?token=t`;

/** A viewer's player in virtual time, with steering servers that answer as told. */
function steered(answer: Answering, { address = FIRST, regions = ["east", "west"], throughput_bps = 0 } = {}) {
  const timer = new VirtualTimer();
  const moves: string[] = [];
  const asked: string[] = [];
  const made = regions.map((id) => ({ id, hls: `${HOSTS[id]}/media/ast_1/master.m3u8`, dash: "", poster: "", plain_hls: "", steered_hls: "" }));
  const pathways = new Pathways(made, (to, from) => moves.push(`${from} to ${to}`));
  const world = { answer };
  const fetching = (to: string, { signal }: RequestInit) => {
    asked.push(to);
    return new Promise<Response>((resolve, reject) => {
      const outcome = world.answer(new URL(to));
      if (outcome === "refused") reject(new TypeError("Failed to fetch"));
      else if (outcome !== "silent") resolve(outcome);
      signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
  };
  const steering = new Steering({ address, pathways, throughput_bps: () => throughput_bps, fetch: fetching, timer });
  const hosts = () => asked.map((one) => new URL(one).host.split(":")[0]);
  return { timer, moves, asked, hosts, pathways, steering, world };
}

test("an answer moves the requests that follow, and only those", async () => {
  const { timer, pathways, moves } = steered(() => manifest(["west", "east"]));
  expect(pathways.rewrite(media(EAST))).toBe(media(EAST));

  await timer.pass(0);

  expect(pathways.rewrite(media(EAST))).toBe(media(WEST));
  expect(moves).toEqual(["east to west"]);
  expect([pathways.order, pathways.decider]).toEqual([["west", "east"], "steering"]);
});

test("it asks again once a TTL, at the address that the answer gave", async () => {
  const reload = `${WEST}/steer/state2?s=1`;
  const { timer, asked } = steered(({ pathname }) => manifest(["east"], pathname.endsWith("1") ? { TTL: 2, "RELOAD-URI": reload } : { TTL: 30 }));
  await timer.pass(0);

  await timer.pass(1999);
  expect(asked).toHaveLength(1);
  await timer.pass(1);
  expect(asked[1]).toBe(`${reload}&_HLS_pathway=%22east%22`);
  await timer.pass(29_999);
  expect(asked).toHaveLength(2);
  await timer.pass(1);
  expect(asked[2]).toContain(reload);
});

test("it tells its pathway and throughput", async () => {
  const { timer, asked } = steered(() => manifest(["west", "east"]), { throughput_bps: 5_000_000.4 });
  await timer.pass(10_000);

  expect(asked).toEqual([
    `${FIRST}?_HLS_pathway=%22east%22&_HLS_throughput=5000000`,
    `${FIRST}?_HLS_pathway=%22west%22&_HLS_throughput=5000000`,
  ]);
  expect(withWhereabouts("http://e/s", "east", Number.NaN)).toBe("http://e/s?_HLS_pathway=%22east%22");
});

test("without an address nothing is asked", async () => {
  for (const address of ["", "nonsense", "ftp://127.0.0.2/steer"]) {
    const { timer, asked, steering } = steered(() => manifest(["west"]), { address });
    await timer.pass(600_000);

    expect(asked).toEqual([]);
    expect(steering.state === null).toBe(address === "");
  }
});

test("when the steering host is dead the same path is asked of the other pathway", async () => {
  const { timer, hosts, pathways, asked } = steered(({ host }) => (host.startsWith("127.0.0.2") ? "refused" : manifest(["west", "east"])));
  await timer.pass(0);

  expect(hosts()).toEqual(["127.0.0.2", "127.0.0.3"]);
  expect(asked[1]).toBe(`${WEST}/steer/state1?_HLS_pathway=%22east%22`);
  expect(pathways.current).toBe("west");
  await timer.pass(10_000);
  expect(hosts().slice(2)).toEqual(["127.0.0.3"]);
});

test("a host that keeps silent is left after the time it has, and asked last for a while", async () => {
  const reload = `${EAST}/steer/state2`;
  const { timer, hosts, pathways } = steered(({ host }) => (host.startsWith("127.0.0.2") ? "silent" : manifest(["west"], { "RELOAD-URI": reload })));
  await timer.pass(SILENCE_MS - 1);
  expect(pathways.current).toBe("east");

  await timer.pass(1);
  expect(pathways.current).toBe("west");
  await timer.pass(10_000);
  expect(hosts()).toEqual(["127.0.0.2", "127.0.0.3", "127.0.0.3"]);
});

test("a separate steering host that is dead is replaced by any pathway", async () => {
  const alone = "http://127.0.0.9:8830/steer/state1";
  const { timer, asked } = steered(({ host }) => (host.startsWith("127.0.0.9") ? "refused" : manifest(["west"])), { address: alone });
  await timer.pass(0);

  expect(asked.map((one) => one.split("?")[0])).toEqual([alone, `${EAST}/steer/state1`]);
});

const NO_ANSWERS: [string, () => Response | "refused"][] = [
  ["garbage", () => new Response("<html>")],
  ["nothing", () => new Response("")],
  ["another version", () => new Response('{"VERSION":2,"PATHWAY-PRIORITY":["west"]}')],
  ["no order", () => new Response('{"VERSION":1,"TTL":5}')],
  ["an empty order", () => manifest([])],
  ["an order that is no list", () => new Response('{"VERSION":1,"PATHWAY-PRIORITY":"west"}')],
  ["an order of numbers", () => new Response('{"VERSION":1,"PATHWAY-PRIORITY":[1]}')],
  ["null", () => new Response("null")],
  ["a book", () => new Response(JSON.stringify({ VERSION: 1, "PATHWAY-PRIORITY": ["west"], x: "x".repeat(70_000) }))],
  ["404", () => new Response("", { status: 404 })],
  ["403", () => new Response("", { status: 403 })],
  ["503", () => new Response("", { status: 503 })],
  ["a dead network", () => "refused"],
];

test.each(NO_ANSWERS)("%s leaves playback as it is, and is asked again ever more rarely", async (_, answer) => {
  const { timer, asked, pathways, moves, steering } = steered(answer);
  await timer.pass(600_000);

  expect([moves, pathways.current, pathways.decider]).toEqual([[], "east", "session"]);
  expect(asked.length / 2).toBe(steering.state?.failed);
  expect(steering.state?.failed).toBeGreaterThan(4);
  expect(steering.state?.failed).toBeLessThan(9);
});

test("regions that nobody told of are passed over", async () => {
  const { timer, pathways } = steered(() => manifest(["moon", "west", "west", "east"]));
  await timer.pass(0);
  expect(pathways.order).toEqual(["west", "east"]);

  const lost = steered(() => manifest(["moon"]));
  await lost.timer.pass(0);
  expect([lost.pathways.current, lost.pathways.order]).toEqual(["east", ["east", "west"]]);
});

test("a pathway that failed here is not gone back to while it is penalised, whatever steering says", async () => {
  const { timer, pathways, moves } = steered(() => manifest(["east", "west"]));
  await timer.pass(0);
  pathways.failover("east", new Set(["east"]), timer.now_ms());

  await timer.pass(PENALTY_MS - 1);
  expect([pathways.current, pathways.decider]).toEqual(["west", "failures"]);
  await timer.pass(10_000);
  expect(moves).toEqual(["east to west", "west to east"]);
  expect(pathways.decider).toBe("steering");
});

test("when all failed here lately it stays where it is", async () => {
  const { timer, pathways, moves } = steered(() => manifest(["east", "west"]));
  await timer.pass(0);
  pathways.failover("east", new Set(["east"]), timer.now_ms());
  pathways.failover("west", new Set(["east", "west"]), timer.now_ms());
  await timer.pass(10_000);

  expect(moves).toEqual(["east to west"]);
});

test("a failure goes where steering would go next", async () => {
  const { timer, pathways } = steered(() => manifest(["north", "west", "east"]), { regions: ["east", "west", "north"] });
  await timer.pass(0);

  expect(pathways.current).toBe("north");
  expect(pathways.failover("north", new Set(["north"]), timer.now_ms())).toBe("west");
});

test("a region that steering leaves out is still the last resort", async () => {
  const { timer, pathways } = steered(() => manifest(["west"]));
  await timer.pass(0);

  expect(pathways.failover("west", new Set(["west"]), timer.now_ms())).toBe("east");
});

test("too many requests are followed by the wait that was asked for", async () => {
  const { timer, asked, world } = steered(() => new Response("", { status: 429, headers: { "Retry-After": "45" } }));
  await timer.pass(44_999);
  expect(asked).toHaveLength(1);

  world.answer = () => manifest(["west"]);
  await timer.pass(1);
  expect(asked).toHaveLength(2);
});

test("410 ends it for this session", async () => {
  const { timer, asked } = steered(() => new Response("", { status: 410 }));
  await timer.pass(3_600_000);

  expect(asked).toHaveLength(1);
});

test("what answers again is asked as often as before", async () => {
  const { timer, asked, world, steering } = steered(() => "refused");
  await timer.pass(100_000);
  world.answer = () => manifest(["west", "east"], { TTL: 5 });
  await timer.pass(200_000);
  const then = asked.length;

  await timer.pass(50_000);
  expect(asked.length - then).toBe(10);
  expect(steering.state).toMatchObject({ failed: 0, ttl_s: 5, host: "127.0.0.2:8810" });
});

test("a state that nobody takes any more is given up for the first one", async () => {
  const stale = `${EAST}/steer/stale`;
  const { timer, asked } = steered(({ pathname }) => (pathname.endsWith("stale") ? new Response("", { status: 403 }) : manifest(["east"], { "RELOAD-URI": stale })));
  await timer.pass(20_000);

  expect(asked.map((one) => new URL(one).pathname)).toEqual(["/steer/state1", "/steer/stale", "/steer/stale", "/steer/state1"]);
});

test("a brown-out is taken up with an answer, and ends with one", async () => {
  const { timer, steering, world } = steered(() => manifest(["east"], { "X-BIJOU-BROWN-OUT": "top-rung", TTL: 2 }));
  await timer.pass(0);
  expect(steering.state?.brown_out).toBe(true);

  world.answer = () => manifest(["east"]);
  await timer.pass(2000);
  expect(steering.state?.brown_out).toBe(false);
});

test("a clone of a pathway that the session named changes its token, not its place", async () => {
  const clones = [{ ID: "west", "BASE-ID": "east", "URI-REPLACEMENT": { HOST: "127.0.0.9", PARAMS: { token: "new" } } }];
  const { timer, pathways } = steered(() => manifest(["west"], { "PATHWAY-CLONES": clones }));
  await timer.pass(0);

  expect(pathways.rewrite(media(EAST))).toBe(`${WEST}/media/ast_1/v360/00001.m4s?token=new`);
});

test("the panel says how steering fares", () => {
  const state = { answered_ms: 0, ttl_s: 10, host: "127.0.0.2:8810", failed: 0, brown_out: false };

  expect(steeredBy({ steering: null, steered_s: null })).toBe("off");
  expect(steeredBy({ steering: { ...state, answered_ms: null }, steered_s: null })).toBe("being asked");
  expect(steeredBy({ steering: { ...state, failed: 3 }, steered_s: 40 })).toBe("silent, asked 3×");
  expect(steeredBy({ steering: { ...state, brown_out: true }, steered_s: 4.4 })).toMatch(/^127\.0\.0\.2:8810, 4 s ago, every 10 s; short of capacity/);
});

test("destroyed, it asks and moves no more", async () => {
  const { timer, asked, steering, moves } = steered(() => manifest(["east", "west"]));
  await timer.pass(0);
  steering.stop();
  await timer.pass(600_000);
  expect([asked.length, timer.waiting]).toEqual([1, 0]);

  const slow = steered(() => "silent");
  slow.steering.stop();
  await slow.timer.pass(600_000);
  expect([slow.asked.length, slow.timer.waiting, moves, slow.moves]).toEqual([1, 0, [], []]);
});

test("a TTL is kept within reason, and a reload address to what can be fetched", () => {
  const read = (more: object) => readAnswer(JSON.stringify({ VERSION: 1, "PATHWAY-PRIORITY": ["a"], ...more }), FIRST);

  expect(read({ TTL: 0.01 })?.ttl_s).toBe(1);
  expect(read({ TTL: 1e9 })?.ttl_s).toBe(300);
  expect(read({ TTL: "soon" })?.ttl_s).toBe(300);
  expect(read({ "RELOAD-URI": "state2" })?.reload).toBe(`${EAST}/steer/state2`);
  expect(read({ "RELOAD-URI": "javascript:alert(1)" })?.reload).toBe("");
  expect(read({ "RELOAD-URI": 7 })?.reload).toBe("");
});

test("a clone is a pathway at another host with other parameters", async () => {
  const clones = [{ ID: "east-2", "BASE-ID": "east", "URI-REPLACEMENT": { HOST: "127.0.0.5", PARAMS: { token: "n&w" } } }, { ID: 3 }, null, { ID: "x", "BASE-ID": "moon", "URI-REPLACEMENT": {} }];
  const { timer, pathways } = steered(() => manifest(["east-2", "east"], { "PATHWAY-CLONES": clones }));
  await timer.pass(0);

  expect(pathways.current).toBe("east-2");
  expect(pathways.rewrite(`${media(EAST)}&CMCD=bl%3D1`)).toBe("http://127.0.0.5:8810/media/ast_1/v360/00001.m4s?token=n%26w&CMCD=bl%3D1");
  expect(pathways.source).toBe("http://127.0.0.5:8810/media/ast_1/master.m3u8?token=n%26w");
  expect(pathways.failover("east-2", new Set(["east-2"]), timer.now_ms())).toBe("east");
  expect(pathways.rewrite("http://127.0.0.5:8810/media/ast_1/v360/00001.m4s?token=n%26w")).toBe(`${EAST}/media/ast_1/v360/00001.m4s?token=n%26w`);
});

test("a parameter that no address can hold is left out, and requests go on", async () => {
  const clone = { "BASE-ID": "east", ID: "west", "URI-REPLACEMENT": { HOST: "127.0.0.3", PARAMS: { token: "\ud800", "\udc00": "x", ok: "\u{1f39e}" } } };
  const { timer, pathways } = steered(() => manifest(["west"], { "PATHWAY-CLONES": [clone] }));
  await timer.pass(0);

  expect(pathways.rewrite(media(EAST))).toBe(`${WEST}/media/ast_1/v360/00001.m4s?ok=%F0%9F%8E%9E&token=t`);
});
