import { useEffect, useRef, useState } from "preact/hooks";
import { Jewel } from "../shared/components/icons.tsx";
import { Field, useTitle } from "../shared/components/small.tsx";
import { navigate } from "../shared/navigation.ts";
import { type ApiError, advice, asApiError, sentence } from "../shared/problem.ts";
import { returning } from "../shared/returning.ts";
import { safeNext } from "../shared/router.ts";
import { api, useMe } from "../shared/session.ts";

function leave(next: string): void {
  if (next.startsWith("/console")) location.assign(next);
  else navigate(next, { replace: true });
}

/** Name and password; back to where one came from. */
export function SignInPage() {
  useTitle("Sign in · bijou");
  const next = safeNext(new URLSearchParams(location.search).get("next"));
  const me = useMe();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  /** Seconds until the next try by itself, while everybody signs in; null: nobody waits. */
  const [left, setLeft] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);

  useEffect(() => () => stop.current?.abort(), []);
  useEffect(() => {
    if (me?.name) leave(next);
  }, [me?.name, next]);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const { signal } = (stop.current = new AbortController());
    try {
      const signIn = () => api.signIn({ name: name.trim(), password });
      await returning(signIn, { signal, told: ({ left_s }) => setLeft(left_s) });
    } catch (failure) {
      if (!signal.aborted) setError(asApiError(failure));
      setBusy(false);
    }
    setLeft(null);
  };
  return (
    <section class="sign-in">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <Jewel size={36} />
        <h1>Sign in</h1>
        <p class="sign-in-words">To upload films and look after them.</p>
        <Field label="Name">
          {(ids) => (
            <input
              {...ids}
              class="input"
              name="username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
              autofocus
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(ids) => (
            <input
              {...ids}
              class="input"
              type="password"
              name="password"
              autocomplete="current-password"
              required
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        {error && (
          <p class="form-problem" role="alert">
            {sentence(error.problem.detail)} {advice(error.problem)} <code>{error.problem.code}</code>
          </p>
        )}
        {left !== null && (
          <p class="sign-in-waiting">
            <span role="status">Everybody is signing in just now. Stay here: this page goes on trying by itself.</span>{" "}
            <span aria-hidden="true">{left ? `The next try is in ${left} s.` : "Trying…"}</span>{" "}
            <button type="button" class="button" onClick={() => stop.current?.abort()}>
              Stop trying
            </button>
          </p>
        )}
        <button type="submit" class="button button-accent button-wide" disabled={busy || !name.trim() || !password}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="sign-in-hint">The operator’s name and password were printed where bijou was started.</p>
      </form>
    </section>
  );
}
