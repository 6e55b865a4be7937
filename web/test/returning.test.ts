import { expect, test } from "vitest";
import { ApiError } from "../src/shared/problem.ts";
import { returning, type Waiting } from "../src/shared/returning.ts";

function busy(retry_after_s?: number, status = 503): ApiError {
  const given = retry_after_s === undefined ? {} : { retry_after_s };
  return new ApiError({ type: "", title: "", status, detail: "everybody", code: "accounts.sign_in_busy", ...given });
}

/** Work that fails with each of these in turn, and then is done. */
function work(...failures: unknown[]): () => Promise<string> {
  return () => (failures.length ? Promise.reject(failures.shift()) : Promise.resolve("in"));
}

test("what is refused as busy is tried again when the service says, and the wait is told", async () => {
  const told: Waiting[] = [];
  let slept_s = 0;

  const done = await returning(work(busy(2.2), busy(1)), {
    told: (waiting) => told.push(waiting),
    sleep: async (seconds) => void (slept_s += seconds),
  });

  expect(done).toBe("in");
  expect(slept_s).toBe(4);
  expect(told.map(({ left_s, tries }) => [left_s, tries])).toEqual([[3, 1], [2, 1], [1, 1], [0, 1], [1, 2], [0, 2]]);
});

test.each([
  ["a wrong password", busy(undefined, 401)],
  ["too many wrong ones", busy(60, 429)],
  ["a service that is broken and does not say when", busy()],
  ["anything else", new TypeError("no")],
])("%s is told at once", async (_, failure) => {
  await expect(returning(work(failure), { sleep: () => Promise.reject(new Error("waited")) })).rejects.toBe(failure);
});

test("whoever stops waiting tries no more", async () => {
  const stop = new AbortController();
  let tries = 0;
  const waiting = returning(
    () => {
      tries += 1;
      return Promise.reject(busy(30));
    },
    { signal: stop.signal, sleep: async () => stop.abort() },
  );

  await expect(waiting).rejects.toThrow();
  expect(tries).toBe(1);
});
