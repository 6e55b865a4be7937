import { expect, test } from "vitest";
import { ranked } from "../src/console/palette_rank.ts";
import { ROOMS, roomOf } from "../src/console/rooms.ts";
import { accentOf } from "../src/shared/facts.ts";
import { nameProblem, passwordProblem, userNameProblem, yearProblem } from "../src/shared/rules.ts";
import { parseThumbnails, spread, spriteIndex } from "../src/shared/sprite.ts";
import { Store } from "../src/shared/store.ts";

test("a store tells its watchers of changes, and only of changes", () => {
  const store = new Store(1);
  const seen: number[] = [];
  const stop = store.watch((value) => seen.push(value));

  store.set(1);
  store.set(2);
  stop();
  store.set(3);

  expect(seen).toEqual([2]);
});

test("thumbnails are read from WebVTT, with hours or without, and nonsense is passed over", () => {
  const vtt = "WEBVTT\r\n\r\n1\r\n00:00:00.000 --> 00:00:02.500\r\nsprite.jpg#xywh=0,0,160,90\r\n\r\n59:58.000 --> 01:00:00.000 align:start\r\nsprite.jpg#xywh=160,90,160,90\r\n\r\nNOTE hello\r\n\r\n00:01.000 --> 00:02.000\r\nno picture";

  expect(parseThumbnails(vtt)).toEqual([
    { start_s: 0, end_s: 2.5, picture: "sprite.jpg", x: 0, y: 0, width: 160, height: 90 },
    { start_s: 3598, end_s: 3600, picture: "sprite.jpg", x: 160, y: 90, width: 160, height: 90 },
  ]);
});

test("a reel is spread over the whole film", () => {
  const all = Array.from({ length: 100 }, (_, x) => ({ start_s: x, end_s: x + 1, picture: "", x, y: 0, width: 1, height: 1 }));

  expect(spread(all, 4).map(({ x }) => x)).toEqual([0, 25, 50, 75]);
  expect(spread(all.slice(0, 3), 4)).toHaveLength(3);
});

test("the index of a sprite lies beside its picture", () => {
  expect(spriteIndex({ sprite: "media/ast_1/sprite.jpg" })).toBe("media/ast_1/sprite.vtt");
  expect(spriteIndex({ sprite: "media/ast_1/sprite.vtt" })).toBe("media/ast_1/sprite.vtt");
  expect(spriteIndex({ sprite: "" })).toBe("");
});

test("a title has a colour even where none is set", () => {
  expect(accentOf({ accent: "#aB12cd", slug: "a" })).toBe("#aB12cd");
  expect(accentOf({ accent: "red;}", slug: "a" })).toMatch(/^hsl\(\d+ 32% 34%\)$/);
});

test("forms say the rule that was broken", () => {
  expect(nameProblem("  ")).toContain("1 to 200");
  expect(nameProblem("x".repeat(201))).toContain("201 characters");
  expect(nameProblem("🎬".repeat(200))).toBeUndefined();
  expect(["mira", "a.b-c_9", "mira@example.org"].map(userNameProblem)).toEqual([undefined, undefined, undefined]);
  expect(["", "Mira", "a b", "a@b", "x".repeat(65)].every(userNameProblem)).toBe(true);
  expect(passwordProblem("short")).toContain("5 characters");
  expect(passwordProblem("long enough")).toBeUndefined();
  expect(["", "1968", "0"].map(yearProblem)).toEqual([undefined, undefined, undefined]);
  expect(["68", "19x", "1968.5", "2200"].every(yearProblem)).toBe(true);
});

test("a command is found by the beginnings of its words", () => {
  const commands = ["Sign out", "Titles", "Switch between light and dark", "Night Train"].map((name) => ({ name }));

  expect(ranked(commands, "ti", 3)[0]?.name).toBe("Titles");
  expect(ranked(commands, "nt", 3)[0]?.name).toBe("Night Train");
  expect(ranked(commands, "zzz", 3)).toEqual([]);
  expect(ranked(commands, " ", 2)).toHaveLength(2);
});

test("every room has its own address, and a final slash makes no difference", () => {
  expect(new Set(ROOMS.map(({ path }) => path)).size).toBe(ROOMS.length);
  expect(roomOf("/console")?.name).toBe("Watch");
  expect(roomOf("/console/titles/")?.name).toBe("Titles");
  expect(roomOf("/console/nowhere")).toBeUndefined();
});
