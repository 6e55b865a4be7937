"""The words of the rule language, with their places."""

import json
import re
from typing import Final, NamedTuple

from bijou.ports import InvalidRequest

_WORD: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<open>")
      | (?P<duration>\d+[smhdw](?![a-z0-9_]))
      | (?P<number>-?\d+(?:\.\d+)?(?![a-zA-Z_\d]))
      | (?P<name>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)
      | (?P<sign>\.\.|>=|<=|!=|[()=<>,])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_CHARACTERS: Final = 65_536


class BadRule(InvalidRequest):
    """A rule's text is not one, or asks what the registry does not allow.

    Args:
        why: What is wrong, and the rule that it breaks.
        text: The whole rule.
        at, until: Where: offsets of characters in `text`.
    """

    def __init__(self, why: str, text: str, at: int, until: int) -> None:
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        super().__init__("audience.bad_rule", f"line {line}, column {column}: {why}")
        self.why = why
        self.text = text
        self.at, self.until = at, until

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.why, self.text, self.at, self.until)


class Word(NamedTuple):
    """One word: its kind, its characters, and where it begins."""

    kind: str
    text: str
    at: int

    @property
    def until(self) -> int:
        """Where the next could begin."""
        return self.at + len(self.text)

    def shown(self) -> str:
        """Return it as error messages quote it."""
        if self.kind == "end":
            return "the end"
        return self.text if len(self.text) <= 40 else f"{self.text[:40]}…"


def words_of(text: str) -> list[Word]:
    """Split a rule into words; the last is of the kind `end`.

    Raises:
        BadRule: A character that begins no word, a quote that is never
            closed, or more than 65,536 characters.

    Example:
        >>> [word.text for word in words_of("age 25..34")]
        ['age', '25', '..', '34', '']
    """
    if len(text) > MAX_CHARACTERS:
        raise BadRule(f"{len(text):,} characters; a rule has at most {MAX_CHARACTERS:,}", text, 0, 0)
    words = []
    for found in _WORD.finditer(text):
        kind = str(found.lastgroup)
        if kind == "open":
            raise BadRule("a quote opens here and is never closed", text, found.start(), len(text))
        if kind == "other":
            raise BadRule(f"{found[0]!r} begins no word of a rule", text, found.start(), found.end())
        if kind != "space":
            words.append(Word(kind, found[0], found.start()))
    return [*words, Word("end", "", len(text))]


def string_of(word: Word, text: str) -> str:
    """Return what a quoted word stands for."""
    try:
        string: str = json.loads(word.text)
        string.encode()
    except ValueError as error:
        raise BadRule(f"{word.shown()} is no string: {error}", text, word.at, word.until) from error
    return string


def number_of(word: Word) -> int | float:
    """Return what a word of digits stands for: an int where it has no point."""
    return float(word.text) if "." in word.text else int(word.text)


def seconds_of(word: Word) -> int:
    """Return the length of a duration such as `30d`."""
    return int(word.text[:-1]) * _SECONDS[word.text[-1]]


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that leaves no rest.

    Example:
        >>> [duration(seconds) for seconds in (90, 5400, 86_400, 30 * 86_400)]
        ['90s', '90m', '1d', '30d']
    """
    for unit in "dhm":
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
