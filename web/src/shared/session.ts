/** The caller of this page, and the one Api that all of it uses. */

import type { Role, Whoami } from "../api/types.ts";
import { Api } from "./api.ts";
import { noteContact, whenBack } from "./connection.ts";
import { reconnectLive } from "./live.ts";
import { Store, useStore } from "./store.ts";

/** Null until the server has said who is calling. */
export const whoami = new Store<Whoami | null>(null);

export const api = new Api({
  onContact: noteContact,
  onWhoami: (me) => {
    const before = whoami.value;
    whoami.set(me);
    if (before && before.id !== me.id) reconnectLive();
  },
});

/** Ask who is calling, now and whenever the server comes back. */
export function startSession(): void {
  const ask = () => void api.me().catch(() => undefined);
  ask();
  whenBack(() => {
    if (!whoami.value) ask();
  });
}

export function useMe(): Whoami | null {
  return useStore(whoami);
}

/** Whether a person holds a role; an operator may do an editor's work. */
export function may(me: Whoami | null, ...roles: Role[]): boolean {
  return me !== null && roles.some((role) => me.roles.includes(role));
}

/** The address of the sign-in page that comes back to where one is. */
export function signInHere(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}
