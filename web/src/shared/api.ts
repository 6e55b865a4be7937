/** The way to the control plane: JSON in and out, problems as errors, CSRF by itself. */

import type {
  EdgeAddress,
  Job,
  JobTasks,
  NewUpload,
  NewUser,
  Profile,
  Row,
  RungHulls,
  Session,
  SignIn,
  Status,
  Title,
  TitleChange,
  Upload,
  User,
  Whoami,
} from "../api/types.ts";
import { ApiError, problemOf, unreachable } from "./problem.ts";
import { queryOf } from "./router.ts";

export interface Hooks {
  fetch?: typeof fetch;
  /** Called after every request with whether an answer came. */
  onContact?: (answered: boolean) => void;
  /** Called when the caller turns out to be someone else than thought. */
  onWhoami?: (me: Whoami) => void;
}

/** An address with its values encoded. */
export const path = (literals: TemplateStringsArray, ...values: string[]): string =>
  String.raw({ raw: literals }, ...values.map(encodeURIComponent));

export class Api {
  readonly #fetch: typeof fetch;
  readonly #hooks: Hooks;
  #me: Promise<Whoami> | null = null;

  constructor(hooks: Hooks = {}) {
    this.#hooks = hooks;
    this.#fetch = hooks.fetch ?? ((...call) => fetch(...call));
  }

  /** Who is calling; asked once, then remembered until a sign-in or sign-out. */
  me(): Promise<Whoami> {
    if (!this.#me) {
      const asked: Promise<Whoami> = this.ask<Whoami>("GET", "/api/me").catch((error: unknown) => {
        if (this.#me === asked) this.#me = null;
        throw error;
      });
      this.#me = asked;
      void asked.then((me) => this.#hooks.onWhoami?.(me), () => undefined);
    }
    return this.#me;
  }

  /** The token that a change must repeat; empty for guests. */
  async csrf(): Promise<string> {
    return (await this.me()).csrf;
  }

  /** Forget who is calling, and ask again. */
  refreshMe(): Promise<Whoami> {
    this.#me = null;
    return this.me();
  }

  async signIn(signIn: SignIn): Promise<Whoami> {
    const me = await this.ask<Whoami>("POST", "/api/sign-in", { body: signIn });
    this.#me = Promise.resolve(me);
    this.#hooks.onWhoami?.(me);
    return me;
  }

  async signOut(): Promise<Whoami> {
    await this.change("POST", "/api/sign-out");
    return this.refreshMe();
  }

  home = (signal?: AbortSignal) => this.ask<Row[]>("GET", "/api/home", { signal });
  titles = (signal?: AbortSignal) => this.ask<Title[]>("GET", "/api/titles", { signal });
  title = (slug: string, signal?: AbortSignal) => this.ask<Title>("GET", path`/api/titles/${slug}`, { signal });
  delivery = (signal?: AbortSignal) => this.ask<EdgeAddress[]>("GET", "/api/delivery", { signal });
  status = (signal?: AbortSignal) => this.ask<Status>("GET", "/api/status", { signal });
  jobs = (signal?: AbortSignal) => this.ask<Job[]>("GET", "/api/jobs", { signal });
  job = (id: string, signal?: AbortSignal) => this.ask<Job>("GET", path`/api/jobs/${id}`, { signal });
  jobTasks = (id: string, signal?: AbortSignal) => this.ask<JobTasks>("GET", path`/api/jobs/${id}/tasks`, { signal });
  hulls = (id: string, chunk: number, signal?: AbortSignal) => this.ask<RungHulls[]>("GET", path`/api/jobs/${id}/hulls/${String(chunk)}`, { signal });
  retryJob = (id: string) => this.change<Job>("POST", path`/api/jobs/${id}/retry`);
  prioritiseJob = (id: string, priority: number) => this.change<Job>("POST", path`/api/jobs/${id}/priority`, { priority });
  cancelJob = (id: string) => this.change<Job>("DELETE", path`/api/jobs/${id}`);
  upload = (id: string) => this.ask<Upload>("GET", path`/api/uploads/${id}`);
  users = (signal?: AbortSignal) => this.ask<User[]>("GET", "/api/users", { signal });
  playback = (slug: string, region = "") => this.change<Session>("POST", path`/api/titles/${slug}/playback` + queryOf({ region }));
  changeTitle = (slug: string, change: TitleChange) => this.change<Title>("PATCH", path`/api/titles/${slug}`, change);
  withdraw = (slug: string) => this.change<void>("DELETE", path`/api/titles/${slug}`);
  openUpload = (upload: NewUpload) => this.change<Upload>("POST", "/api/uploads", upload);
  abandonUpload = (id: string) => this.change<void>("DELETE", path`/api/uploads/${id}`);
  addUser = (user: NewUser) => this.change<User>("POST", "/api/users", user);
  addProfile = (name: string) => this.change<Profile>("POST", "/api/me/profiles", { name });

  /** Send a change with the CSRF token; a stale one is renewed once. Pages that load by themselves bring their own addresses. */
  async change<T>(method: string, address: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    try {
      return await this.ask<T>(method, address, { body, csrf: await this.csrf(), signal });
    } catch (error) {
      if (!(error instanceof ApiError) || error.problem.code !== "http.csrf") throw error;
      const me = await this.refreshMe();
      return this.ask<T>(method, address, { body, csrf: me.csrf, signal });
    }
  }

  /** Send a request, and give back what was answered; anything but success is an ApiError. */
  async ask<T>(
    method: string,
    address: string,
    { body, csrf, signal }: { body?: unknown; csrf?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const headers = new Headers({ Accept: "application/json" });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (csrf) headers.set("X-CSRF-Token", csrf);
    const request: RequestInit = { method, headers, credentials: "same-origin" };
    if (body !== undefined) request.body = JSON.stringify(body);
    if (signal) request.signal = signal;
    const answer = await this.#answer(address, request);
    if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
  }

  async #answer(address: string, request: RequestInit): Promise<Response> {
    try {
      const answer = await this.#fetch(address, request);
      this.#hooks.onContact?.(true);
      return answer;
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      this.#hooks.onContact?.(false);
      throw unreachable();
    }
  }
}
