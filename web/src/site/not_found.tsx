import { Quiet, useTitle } from "../shared/components/small.tsx";

/** For addresses that lead nowhere. */
export function NotFound() {
  useTitle("Not found · bijou");
  return (
    <Quiet icon="film" heading="Nothing plays here" words={`There is no page at ${location.pathname}.`}>
      <a class="button button-accent" href="/">
        To the films
      </a>
    </Quiet>
  );
}
