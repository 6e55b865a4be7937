/** The address bar as a store; links of this app move without a reload. */

import { isPlainClick } from "./router.ts";
import { Store, useStore } from "./store.ts";

export interface Place {
  path: string;
  query: string;
}

const here = (): Place => ({ path: location.pathname, query: location.search });

export const place = new Store<Place>(here());

/** The current address in a component. */
export function usePlace(): Place {
  return useStore(place);
}

/** Go to an address of this app. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const samePage = location.pathname === place.value.path;
  place.set(here());
  if (!samePage) scrollTo(0, 0);
}

/** Change the query only, as filters do: no new entry in the history. */
export function setQuery(query: string): void {
  if (query !== location.search) navigate(location.pathname + query, { replace: true });
}

/** Answer clicks on links for which `isOurs(path)`; returns the way to stop. */
export function interceptLinks(isOurs: (path: string) => boolean): () => void {
  const onClick = (event: MouseEvent) => {
    const link = (event.target as Element | null)?.closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || event.defaultPrevented || !isPlainClick(event) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || !isOurs(link.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search + link.hash);
  };
  const onPop = () => place.set(here());
  document.addEventListener("click", onClick);
  addEventListener("popstate", onPop);
  return () => {
    document.removeEventListener("click", onClick);
    removeEventListener("popstate", onPop);
  };
}
