/** Finding a command by a few of its letters. */

/**
 * How well `name` answers `typed`; null where its letters do not all occur in
 * order. Beginnings of words count most, then letters that stand together.
 */
export function score(typed: string, name: string): number | null {
  const wanted = typed.toLowerCase().replace(/\s+/g, "");
  const text = name.toLowerCase();
  let total = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    const beginsWord = next === 0 || /[^a-z0-9]/.test(text[next - 1] ?? "");
    total += beginsWord ? 4 : next === at + 1 ? 3 : 1;
    at = next;
  }
  if (wanted && text.startsWith(typed.toLowerCase().trim())) total += 10;
  return total - text.length / 100;
}

/** The entries that answer `typed`, the best first; all of them where nothing is typed. */
export function ranked<T extends { name: string }>(entries: readonly T[], typed: string, most: number): T[] {
  if (!typed.trim()) return entries.slice(0, most);
  return entries
    .map((entry) => ({ entry, points: score(typed, entry.name) }))
    .filter((one): one is { entry: T; points: number } => one.points !== null)
    .sort((a, b) => b.points - a.points)
    .slice(0, most)
    .map(({ entry }) => entry);
}
