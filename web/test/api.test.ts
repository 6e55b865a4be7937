import { expect, test } from "vitest";
import type { Whoami } from "../src/api/types.ts";
import { Api } from "../src/shared/api.ts";
import { advice, ApiError, asApiError, fileAdvice, problemOf, sentence } from "../src/shared/problem.ts";

interface Asked {
  method: string;
  path: string;
  csrf: string | null;
  body: unknown;
}

type Answer = (asked: Asked) => Response;

/** A server in miniature: answers by method and path, and remembers what it was asked. */
function server(answers: Record<string, Answer>): { fetch: typeof fetch; asked: Asked[] } {
  const asked: Asked[] = [];
  const answer = async (path: RequestInfo | URL, request: RequestInit = {}) => {
    const method = request.method ?? "GET";
    const headers = new Headers(request.headers);
    const one = {
      method,
      path: String(path),
      csrf: headers.get("X-CSRF-Token"),
      body: request.body ? JSON.parse(String(request.body)) : undefined,
    };
    asked.push(one);
    const found = answers[`${method} ${path}`];
    if (!found) throw new TypeError("nobody listens there");
    return found(one);
  };
  return { fetch: answer as typeof fetch, asked };
}

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const me = (csrf: string): Whoami => ({ id: csrf ? "usr_1" : "", name: csrf ? "mira" : "", roles: [], csrf, profiles: [] });
const problem = (status: number, code: string, detail: string) =>
  json({ type: `urn:bijou:${code}`, title: "x", status, detail, code }, status);

test("a change repeats the csrf token that the server gave, and asks for it once", async () => {
  const { fetch, asked } = server({
    "GET /api/me": () => json(me("tok")),
    "PATCH /api/titles/a%20b": () => json({ slug: "a b" }),
  });
  const api = new Api({ fetch });

  await api.changeTitle("a b", { name: "N" });
  await api.changeTitle("a b", { name: "M" });

  expect(asked.map(({ method, csrf }) => [method, csrf])).toEqual([["GET", null], ["PATCH", "tok"], ["PATCH", "tok"]]);
  expect(asked[1]?.body).toEqual({ name: "N" });
});

test("a stale csrf token is renewed once, and the change is sent again", async () => {
  let token = "old";
  const { fetch, asked } = server({
    "GET /api/me": () => json(me(token)),
    "DELETE /api/titles/a": ({ csrf }) => (csrf === "new" ? new Response(null, { status: 204 }) : problem(403, "http.csrf", "stale")),
  });
  const api = new Api({ fetch });
  await api.me();
  token = "new";

  await api.withdraw("a");

  expect(asked.filter(({ method }) => method === "DELETE").map(({ csrf }) => csrf)).toEqual(["old", "new"]);
});

test("another refusal is not tried again", async () => {
  const { fetch, asked } = server({
    "GET /api/me": () => json(me("tok")),
    "DELETE /api/titles/a": () => problem(403, "http.role", "no"),
  });

  await expect(new Api({ fetch }).withdraw("a")).rejects.toMatchObject({ problem: { code: "http.role" } });
  expect(asked).toHaveLength(2);
});

test("a guest's change carries no token", async () => {
  const { fetch, asked } = server({ "GET /api/me": () => json(me("")), "POST /api/titles/a/playback": () => json({ id: "ses_1" }) });

  await new Api({ fetch }).playback("a");

  expect(asked.at(-1)?.csrf).toBeNull();
});

test("a problem arrives with its code, its sentence and its wait", async () => {
  const body = { type: "urn:bijou:a.b", title: "x", status: 429, detail: "ten tries in 300 s", code: "a.b", retry_after_s: 12 };
  const { fetch } = server({ "GET /api/home": () => json(body, 429) });

  const error = await new Api({ fetch }).home().catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).problem).toEqual(body);
});

test("no answer is told apart from a refusal, and noted", async () => {
  const contacts: boolean[] = [];
  const { fetch } = server({ "GET /api/home": () => problem(503, "a.b", "busy") });
  const api = new Api({ fetch, onContact: (answered) => contacts.push(answered) });

  const refused = (await api.home().catch((thrown: unknown) => thrown)) as ApiError;
  const silent = (await api.titles().catch((thrown: unknown) => thrown)) as ApiError;

  expect([refused.unreachable, silent.unreachable]).toEqual([false, true]);
  expect(contacts).toEqual([true, false]);
});

test("whoami that failed is asked again", async () => {
  let up = false;
  const { fetch } = server({ "GET /api/me": () => (up ? json(me("tok")) : problem(503, "a.b", "busy")) });
  const api = new Api({ fetch });
  await expect(api.me()).rejects.toBeInstanceOf(ApiError);
  up = true;

  expect((await api.me()).name).toBe("mira");
});

test("signing in and out tells who is there", async () => {
  const seen: string[] = [];
  const { fetch } = server({
    "GET /api/me": () => json(me("")),
    "POST /api/sign-in": () => json(me("tok")),
    "POST /api/sign-out": () => new Response(null, { status: 204 }),
  });
  const api = new Api({ fetch, onWhoami: (who) => seen.push(who.name) });

  await api.me();
  await api.signIn({ name: "mira", password: "correct horse" });
  await api.signOut();

  expect(seen).toEqual(["", "mira", ""]);
});

test("an answer that is no problem still says what is known", () => {
  const page = problemOf(502, "<html>Bad gateway</html>", "7").problem;

  expect(page.code).toBe("site.unexplained");
  expect(page.detail).toContain("502");
  expect(page.retry_after_s).toBe(7);
  expect(problemOf(500, '{"detail": 3}').problem.code).toBe("site.unexplained");
  expect(asApiError(new Error("x is undefined")).problem.detail).toContain("x is undefined");
});

test("advice fits the code, then the wait, then the status", () => {
  const one = (status: number, code: string, retry_after_s?: number) => ({
    type: "", title: "", detail: "", status, code, ...(retry_after_s ? { retry_after_s } : {}),
  });

  expect(advice(one(401, "accounts.wrong_password"))).toBe("Check both and try again.");
  expect(advice(one(429, "accounts.too_many_attempts", 11.2))).toBe("Wait 12 s, then try again.");
  expect(advice(one(409, "x.y"))).toContain("Someone was faster");
  expect(fileAdvice(one(422, "encoding.not_media"))).toContain("Choose another file");
  expect(fileAdvice(one(422, "ingest.wrong_size"))).toContain("upload it again");
});

test("a sentence begins large and ends with a stop, but a file keeps its name", () => {
  expect(sentence("the disk is full")).toBe("The disk is full.");
  expect(sentence("notes.txt is empty")).toBe("notes.txt is empty.");
  expect(sentence("Really?")).toBe("Really?");
  expect(sentence(" ")).toBe("");
});
