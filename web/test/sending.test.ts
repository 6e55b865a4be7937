import { expect, test } from "vitest";
import type { Upload } from "../src/api/types.ts";
import { ApiError, unreachable } from "../src/shared/problem.ts";
import { Remembered } from "../src/site/upload/remembered.ts";
import { send, type Way } from "../src/site/upload/sending.ts";

const FILM = Uint8Array.from({ length: 1000 }, (_, at) => at % 251);

/** A server that keeps bytes and breaks as it is told: before a piece, in it, or after it. */
function server(trouble: ("no" | "before" | "within" | "after" | "overtaken")[]) {
  let kept = new Uint8Array();
  const told = { progress: [] as number[], held: [] as boolean[], pauses: 0 };
  const upload = (): Upload => ({
    id: "upl_1", filename: "a.mp4", size_bytes: FILM.length, state: kept.length === FILM.length ? "received" : "open", created_at: "",
    received_bytes: kept.length, offset_bytes: kept.length, job: kept.length === FILM.length ? "job_1" : "", expires_at: "", metadata: "",
  });
  const way: Way = {
    upload: () => Promise.resolve(upload()),
    patch: async (known, piece, signal, onProgress) => {
      signal.throwIfAborted();
      const luck = trouble.shift() ?? "no";
      const bytes = new Uint8Array(await piece.arrayBuffer());
      if (luck === "before") throw unreachable();
      if (luck === "overtaken") kept = FILM.slice(0, kept.length + 5);
      if (known.offset_bytes !== kept.length) throw refused("ingest.offset");
      const taken = luck === "within" ? bytes.slice(0, bytes.length >> 1) : bytes;
      onProgress(taken.length);
      kept = Uint8Array.from([...kept, ...taken]);
      if (luck !== "no") throw unreachable();
    },
    pause: () => { told.pauses += 1; return Promise.resolve(); },
    onProgress: (bytes) => told.progress.push(bytes),
    onHeld: (held) => told.held.push(held),
  };
  return { way, told, upload, kept: () => kept };
}

function refused(code: string): ApiError {
  return new ApiError({ type: `urn:bijou:${code}`, title: "x", status: 409, detail: "x", code });
}

test("a film arrives whole whatever happens to its pieces", async () => {
  const there = server(["before", "no", "within", "after", "overtaken", "within", "no", "before", "before"]);

  const received = await send(there.upload(), new Blob([FILM]), there.way, 150).finished;

  expect(received.job).toBe("job_1");
  expect(there.kept()).toEqual(FILM);
  expect(there.told.held[0]).toBe(true);
  expect(there.told.held.at(-1)).toBe(false);
  expect(there.told.progress.at(-1)).toBe(FILM.length);
});

test("what is here already is not sent again", async () => {
  const there = server(["no", "before"]);
  await there.way.patch(there.upload(), new Blob([FILM.slice(0, 600)]), new AbortController().signal, () => undefined);

  await send(there.upload(), new Blob([FILM]), there.way, 150).finished;

  expect(there.kept()).toEqual(FILM);
  expect(Math.min(...there.told.progress.slice(1))).toBe(600);
});

test("a refusal that waiting does not mend ends it", async () => {
  const there = server([]);
  there.way.patch = () => Promise.reject(refused("encoding.text"));

  await expect(send(there.upload(), new Blob([FILM]), there.way).finished).rejects.toThrow();
  expect(there.told.pauses).toBe(0);
});

test("cancelled, it sends no more", async () => {
  const there = server([]);
  const sending = send(there.upload(), new Blob([FILM]), there.way, 10);
  sending.cancel();

  await expect(sending.finished).rejects.toThrow();
  expect(there.kept().length).toBeLessThan(20);
});

test("a browser remembers what its files have begun, the latest fifty", () => {
  const storage = new Map<string, string>();
  const memory = () => new Remembered({ getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => void storage.set(key, value) });
  const file = (size: number) => ({ name: "a.mp4", size, lastModified: 7 });
  for (let at = 0; at < 60; at += 1) memory().save(file(at), { upload: `upl_${at}`, name: "A", synopsis: "", saved_at: at });

  expect(memory().of(file(59))?.upload).toBe("upl_59");
  expect(memory().of(file(9))).toBeNull();
  expect(memory().of({ ...file(59), lastModified: 8 })).toBeNull();
  memory().forget(file(59));
  expect(memory().of(file(59))).toBeNull();
  storage.set("bijou.uploads", "{broken");
  expect(memory().of(file(58))).toBeNull();
});
