/** How the command line of this house is called: `bijou`, `./run`, or whatever started it. */

import { useEffect } from "preact/hooks";
import { api } from "./session.ts";
import { Store, useStore } from "./store.ts";

const invocation = new Store("bijou");
let asked = false;

/** The words before a command's own; `bijou` until the server has said otherwise. */
export function useInvocation(): string {
  useEffect(ask, []);
  return useStore(invocation);
}

function ask(): void {
  if (asked) return;
  asked = true;
  api.status().then(
    (status) => invocation.set(status.command || "bijou"),
    () => void (asked = false),
  );
}
