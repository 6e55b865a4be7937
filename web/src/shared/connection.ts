/** Whether the control plane answers, and since when it does not. */

import { Store } from "./store.ts";

/** When the server was first missed, or null while it answers. */
export const downSince = new Store<Date | null>(null);

const PROBE_EVERY_MS = 2000;
let probing = false;

/** Note whether a request got an answer; a missing one starts the probing. */
export function noteContact(answered: boolean): void {
  if (answered) downSince.set(null);
  else {
    if (!downSince.value) downSince.set(new Date());
    probe();
  }
}

/** Ask the server's health page until it answers. */
export function probe(): void {
  if (probing) return;
  probing = true;
  const step = async () => {
    const answered = await fetch("/healthz", { cache: "no-store" }).then(
      () => true,
      () => false,
    );
    if (answered) {
      probing = false;
      downSince.set(null);
      return;
    }
    if (!downSince.value) downSince.set(new Date());
    setTimeout(() => void step(), PROBE_EVERY_MS);
  };
  void step();
}

/** Call `onBack` each time the server is there again. */
export function whenBack(onBack: () => void): () => void {
  let wasDown = downSince.value !== null;
  return downSince.watch((since) => {
    if (wasDown && since === null) onBack();
    wasDown = since !== null;
  });
}
