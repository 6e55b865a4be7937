import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from "hls.js";
import { expect, test } from "vitest";
import { type Attempt, failoverLoader } from "../src/player/failover_loader.ts";
import { PENALTY_MS, Pathways } from "../src/player/pathways.ts";

const pathway = (id: string) => ({ id, hls: `http://${id}.test/media/ast_1/master.m3u8`, dash: "", poster: "", plain_hls: "", steered_hls: "" });
const three = () => [pathway("east"), pathway("west"), pathway("north")];

test("it begins with the preferred pathway", () => {
  const pathways = new Pathways(three());

  expect(pathways.current).toBe("east");
  expect(pathways.source).toBe("http://east.test/media/ast_1/master.m3u8");
});

test("a failed pathway is left at once, and every address moves along", () => {
  const switches: string[] = [];
  const pathways = new Pathways(three(), (to, from) => switches.push(`${from} to ${to}`));

  expect(pathways.failover("east", new Set(["east"]), 0)).toBe("west");

  expect(pathways.rewrite("http://east.test/media/ast_1/v360/00001.m4s?t=1")).toBe("http://west.test/media/ast_1/v360/00001.m4s?t=1");
  expect(pathways.rewrite("http://north.test/media/ast_1/a128/init.mp4")).toBe("http://west.test/media/ast_1/a128/init.mp4");
  expect(switches).toEqual(["east to west"]);
});

test("segments beside a playlist's folder move along too", () => {
  const way = (id: string) => ({ ...pathway(id), hls: `http://${id}.test/cdn/media/ast_1/live/master.m3u8` });
  const pathways = new Pathways([way("east"), way("west")]);
  pathways.failover("east", new Set(["east"]), 0);

  expect(pathways.rewrite("http://east.test/cdn/media/ast_1/v360/0a1b.m4s")).toBe("http://west.test/cdn/media/ast_1/v360/0a1b.m4s");
  expect(pathways.rewrite("http://east.test/ads/media.m3u8")).toBe("http://east.test/ads/media.m3u8");
});

test("addresses of other hosts stay as they are", () => {
  expect(new Pathways(three()).rewrite("http://ads.test/asset/1.m3u8")).toBe("http://ads.test/asset/1.m3u8");
});

test("a second request that failed on the same pathway follows the first", () => {
  const switches: string[] = [];
  const pathways = new Pathways(three(), (to) => switches.push(to));

  pathways.failover("east", new Set(["east"]), 0);

  expect(pathways.failover("east", new Set(["east"]), 1)).toBe("west");
  expect(switches).toEqual(["west"]);
});

test("a request that has been everywhere gives up", () => {
  const pathways = new Pathways(three());
  const tried = new Set<string>();
  const order: string[] = [];
  for (let at = pathways.current as string | null; at !== null; at = pathways.failover(at, tried, 0)) {
    order.push(at);
    tried.add(at);
  }

  expect(order).toEqual(["east", "west", "north"]);
});

test("a pathway that failed lately is the last resort, and is forgiven in time", () => {
  const pathways = new Pathways(three());
  pathways.failover("east", new Set(["east"]), 0);

  expect(pathways.failover("west", new Set(["west"]), 1000)).toBe("north");
  expect(pathways.failover("north", new Set(["north"]), PENALTY_MS + 500)).toBe("east");
});

test("a session without a pathway is refused", () => {
  expect(() => new Pathways([])).toThrow("at least one pathway");
});

/** A loader of a network in which hosts are up, down or silent; it answers in the same turn. */
function network(hosts: Record<string, "up" | "down" | "silent">) {
  const asked: string[] = [];
  class HostLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    stats = freshStats();
    destroy() {}
    abort() {}
    load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>) {
      if (this.stats.loading.start) throw new Error("a loader can only be used once");
      if (config.loadPolicy.errorRetry) throw new Error("retries belong to whoever knows the pathways");
      this.stats.loading.start = asked.push(context.url);
      const { host } = new URL(context.url);
      if (hosts[host] === "up") callbacks.onSuccess({ url: context.url, data: "ok", code: 200 }, this.stats, context, null);
      else if (hosts[host] === "silent") callbacks.onTimeout(this.stats, context, null);
      else callbacks.onError({ code: 503, text: "down" }, context, null, this.stats);
    }
  }
  return { HostLoader, asked };
}

function freshStats(): LoaderStats {
  return {
    aborted: false, loaded: 0, total: 0, retry: 0, chunkCount: 0, bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 }, parsing: { start: 0, end: 0 }, buffering: { start: 0, first: 0, end: 0 },
  };
}

function load(hosts: Record<string, "up" | "down" | "silent">) {
  const { HostLoader, asked } = network(hosts);
  const pathways = new Pathways([pathway("east"), pathway("west")]);
  const attempts: Attempt[] = [];
  const Failover = failoverLoader(HostLoader, pathways, () => 0, (attempt) => attempts.push(attempt));
  const loader = new Failover({} as HlsConfig);
  const heldByHls = loader.stats;
  const context: LoaderContext = { type: "main" as LoaderContext["type"], url: "http://east.test/media/ast_1/v360/00001.m4s", responseType: "arraybuffer" };
  const outcome: string[] = [];
  const retry = { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 2000 };
  const loadPolicy = { maxTimeToFirstByteMs: 4000, maxLoadTimeMs: 10_000, errorRetry: retry, timeoutRetry: retry };
  loader.load(context, { loadPolicy, maxRetry: 3, timeout: 0, retryDelay: 0, maxRetryDelay: 0 } as LoaderConfiguration, {
    onSuccess: (response, stats, told) => outcome.push(`from ${new URL(response.url).host}`, String(stats === heldByHls), String(told === context)),
    onError: (error) => outcome.push(`error ${error.code}`),
    onTimeout: () => outcome.push("timeout"),
  });
  return { outcome, asked: asked.map((address) => new URL(address).host), pathways, retries: heldByHls.retry, attempts };
}

test("a request is served by the next pathway, and hls.js sees one request", () => {
  const { outcome, asked, pathways, retries } = load({ "east.test": "down", "west.test": "up" });

  expect(asked).toEqual(["east.test", "west.test"]);
  expect(outcome).toEqual(["from west.test", "true", "true"]);
  expect(pathways.current).toBe("west");
  expect(retries).toBe(1);
});

test("a pathway that keeps silent is left like one that refuses", () => {
  expect(load({ "east.test": "silent", "west.test": "up" }).outcome[0]).toBe("from west.test");
});

test("an error is told only when no pathway serves", () => {
  expect(load({ "east.test": "down", "west.test": "down" }).outcome).toEqual(["error 503"]);
  expect(load({ "east.test": "down", "west.test": "silent" }).outcome).toEqual(["timeout"]);
});

test("what works stays where it is", () => {
  const { asked, pathways } = load({ "east.test": "up", "west.test": "up" });

  expect(asked).toEqual(["east.test"]);
  expect(pathways.current).toBe("east");
});

test("every answer is told with where it came from, and so is each that did not come", () => {
  const told = (hosts: Record<string, "up" | "down" | "silent">) => load(hosts).attempts.map(({ pathway, address, status }) => [pathway, new URL(address).host, status]);

  expect(told({ "east.test": "up" })).toEqual([["east", "east.test", 200]]);
  expect(told({ "east.test": "down", "west.test": "up" })).toEqual([["east", "east.test", 503], ["west", "west.test", 200]]);
  expect(told({ "east.test": "silent", "west.test": "down" })).toEqual([["east", "east.test", 0], ["west", "west.test", 503]]);
});

test("the times of an attempt are its own", () => {
  const { attempts } = load({ "east.test": "down", "west.test": "up" });

  expect(attempts.map(({ loading }) => loading.start)).toEqual([1, 2]);
});
