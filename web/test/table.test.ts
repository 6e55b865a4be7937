import { expect, test } from "vitest";
import { chosen, chosenText, type Column, filtered, orderOf, orderText, sorted, turned, windowOf } from "../src/console/table/model.ts";

interface Film {
  name: string;
  year: number | null;
}

const COLUMNS: Column<Film>[] = [
  { key: "name", heading: "Name", width: 1, value: (film) => film.name },
  { key: "year", heading: "Year", width: 1, value: (film) => film.year },
  { key: "id", heading: "Id", width: 1, hidden: true, unsearched: true, value: () => "secret" },
];
const films: Film[] = [{ name: "Reel 10", year: 1960 }, { name: "reel 9", year: null }, { name: "Été", year: 1950 }, { name: "Zoo", year: 1960 }];
const names = (rows: readonly Film[]) => rows.map(({ name }) => name);

test("names sort as people count, whatever their case", () => {
  expect(names(sorted(films, COLUMNS, { key: "name", down: false }))).toEqual(["Été", "reel 9", "Reel 10", "Zoo"]);
});

test("numbers sort as numbers, equal ones keep their order, nothing comes last both ways", () => {
  expect(names(sorted(films, COLUMNS, { key: "year", down: false }))).toEqual(["Été", "Reel 10", "Zoo", "reel 9"]);
  expect(names(sorted(films, COLUMNS, { key: "year", down: true }))).toEqual(["Reel 10", "Zoo", "Été", "reel 9"]);
});

test("sorting leaves the rows given alone, and an unknown column leaves their order", () => {
  const before = names(films);
  sorted(films, COLUMNS, { key: "name", down: true });

  expect(names(films)).toEqual(before);
  expect(sorted(films, COLUMNS, { key: "gone", down: true })).toBe(films);
});

test("a search finds every word in any column, without accents and case", () => {
  expect(names(filtered(films, COLUMNS, "REEL 1960"))).toEqual(["Reel 10"]);
  expect(names(filtered(films, COLUMNS, "ete"))).toEqual(["Été"]);
  expect(filtered(films, COLUMNS, "secret")).toEqual([]);
  expect(filtered(films, COLUMNS, "  ")).toBe(films);
});

test("an order survives the address", () => {
  const usual = { key: "name", down: false };

  expect(orderOf(orderText({ key: "year", down: true }), usual)).toEqual({ key: "year", down: true });
  expect(orderOf(null, usual)).toBe(usual);
});

test("a heading turns its own order, and a new one starts upwards", () => {
  expect(turned({ key: "name", down: false }, "name")).toEqual({ key: "name", down: true });
  expect(turned({ key: "name", down: true }, "year")).toEqual({ key: "year", down: false });
});

test("columns are those of the address, else the usual ones; the usual ones need no address", () => {
  const keys = (columns: readonly Column<Film>[]) => columns.map(({ key }) => key);

  expect(keys(chosen(COLUMNS, null))).toEqual(["name", "year"]);
  expect(keys(chosen(COLUMNS, "id,name"))).toEqual(["name", "id"]);
  expect(keys(chosen(COLUMNS, "nonsense"))).toEqual(["name", "year"]);
  expect(chosenText(COLUMNS, chosen(COLUMNS, null))).toBe("");
  expect(chosenText(COLUMNS, chosen(COLUMNS, "id,name"))).toBe("name,id");
});

test("the window covers what is in sight and never leaves the table", () => {
  for (const rows of [0, 3, 40, 5000]) {
    for (const scrolled of [0, 37, 520, 100_000, 999_999]) {
      const { first, end, before_px, after_px } = windowOf(scrolled, 600, 52, rows);

      expect(before_px + (end - first) * 52 + after_px).toBe(rows * 52);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(rows);
      expect(end - first).toBeLessThanOrEqual(Math.ceil(600 / 52) + 1 + 16);
      for (let row = Math.floor(scrolled / 52); row < Math.min(rows, (scrolled + 600) / 52); row += 1) {
        expect(row >= first && row < end).toBe(true);
      }
    }
  }
});
