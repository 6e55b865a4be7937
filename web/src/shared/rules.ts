/** Rules that forms check while one types; the server checks them again. */

/** Why a title's name will not do, or undefined. */
export function nameProblem(name: string): string | undefined {
  const letters = [...name.trim()].length;
  if (letters === 0) return "A title needs a name of 1 to 200 characters";
  if (letters > 200) return `${letters} characters; a name has at most 200`;
  return undefined;
}

/** Why a sign-in name will not do, or undefined. */
export function userNameProblem(name: string): string | undefined {
  const plain = /^[a-z0-9._-]{1,64}$/.test(name);
  const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(name) && name.length <= 254;
  return plain || address ? undefined : "1 to 64 of a-z 0-9 . _ -, or an e-mail address";
}

/** Why a password will not do, or undefined. */
export function passwordProblem(password: string): string | undefined {
  const letters = [...password].length;
  if (letters < 10) return `${letters} characters; a password has at least 10`;
  if (letters > 256) return `${letters} characters; a password has at most 256`;
  return undefined;
}

/** Why a year will not do, or undefined; empty means unknown. */
export function yearProblem(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  const year = Number(text);
  const fits = Number.isInteger(year) && (year === 0 || (year >= 1870 && year <= 2100));
  return fits ? undefined : "A year from 1870 to 2100, or nothing";
}
