/** Light or dark, remembered in this browser. */

import { Store } from "../shared/store.ts";

export type Theme = "dark" | "light";

const KEY = "bijou.theme";

export const theme = new Store<Theme>(document.documentElement.dataset["theme"] === "light" ? "light" : "dark");

export function switchTheme(): void {
  const next: Theme = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  theme.set(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Then it holds for this page only.
  }
}
