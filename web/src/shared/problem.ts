/** What went wrong, in one shape: RFC 9457 problem+json, or our words for no answer at all. */

import type { Problem } from "../api/types.ts";

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }

  /** No answer came: the server is down, or the way to it is cut. */
  get unreachable(): boolean {
    return this.problem.code === "site.unreachable";
  }
}

/** The error for a request that got no answer. */
export function unreachable(): ApiError {
  return new ApiError({
    type: "urn:bijou:site.unreachable",
    title: "No answer",
    status: 0,
    detail: "the server does not answer",
    code: "site.unreachable",
  });
}

/** The error for an unsuccessful answer, whatever its body is. */
export function problemOf(status: number, body: string, retryAfter: string | null = null): ApiError {
  const problem = parsed(body);
  if (problem) return new ApiError(problem);
  const seconds = Number(retryAfter);
  return new ApiError({
    type: "urn:bijou:site.unexplained",
    title: "Unexplained error",
    status,
    detail: `the server answered ${status} without saying why`,
    code: "site.unexplained",
    ...(retryAfter && Number.isFinite(seconds) ? { retry_after_s: seconds } : {}),
  });
}

/** Any thrown thing as an error that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({
    type: "urn:bijou:site.fault",
    title: "A fault of ours",
    status: 500,
    detail: `something broke on this page: ${error instanceof Error ? error.message : String(error)}`,
    code: "site.fault",
  });
}

/** What the person can do about it, in one sentence. */
export function advice(problem: Problem): string {
  const wait = problem.retry_after_s;
  const byCode: Record<string, string> = {
    "catalog.no_title": "It may have been withdrawn, or the address has a slip in it.",
    "accounts.wrong_password": "Check both and try again.",
    "http.csrf": "Reload the page and do it again.",
    "encoding.already_ended": "Look at the console's encodes; a title leaves by being withdrawn.",
    "encoding.cancelled": "Upload it again to have it after all.",
    "ingest.already_received": "The bytes are here already; look at the console's encodes.",
    "ingest.disk_full": "An operator has to make room on the server's disk.",
    "ingest.empty": "Choose a file that has something in it.",
    "ingest.no_upload": "Start the upload again.",
    "ingest.quota": "Let another upload end, or cancel it, then try again.",
    "ingest.wrong_size": "The file changed, or the connection broke; upload it again.",
    "site.unreachable": "Check that bijou is running; this page carries on by itself when it is back.",
  };
  const known = byCode[problem.code];
  if (known) return known;
  if (wait) return `Wait ${Math.ceil(wait)} s, then try again.`;
  if (problem.status === 401) return "Sign in, then try again.";
  if (problem.status === 403) return "Ask an operator for the role, or sign in as someone who has it.";
  if (problem.status === 404) return "Go back and choose again.";
  if (problem.status === 409) return "Someone was faster: reload and look again.";
  if (problem.status === 422 || problem.status === 413) return "Change what was sent, then try again.";
  return "Try again; if it stays, the server's log says more.";
}

const UNFIT = new Set(["ingest.bad_filename", "ingest.empty", "ingest.too_large"]);

/** Whether the same file may be taken when it is sent again: not where the fault is the file's. */
export function mayComeAgain(problem: Problem): boolean {
  if (problem.status !== 422 && problem.status !== 413) return true;
  return problem.code.startsWith("ingest.") && !UNFIT.has(problem.code);
}

/** The same for a file that was sent in: what cannot become a film is not mended by trying again. */
export function fileAdvice(problem: Problem): string {
  const unfit = problem.status === 422 && !problem.code.startsWith("ingest.");
  return unfit ? "Choose another file; this one cannot become a film." : advice(problem);
}

/** A sentence as people write them: a capital first (never in a file's name), a full stop last. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const isWord = /^[\p{L}’'-]+[,;:]?(\s|$)/u.test(trimmed);
  const first = isWord ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function parsed(body: string): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return null;
    const { detail, code } = value as Partial<Problem>;
    return typeof detail === "string" && typeof code === "string" ? (value as Problem) : null;
  } catch {
    return null;
  }
}
