"""What is said of a film in a file beside it: Kodi's NFO, or JSON.

Pure: bytes in, words out. XML from strangers is read by expat with its teeth
drawn: no document type, so no entity but the five that XML has; bounded in
bytes, depth and elements.
"""

import re
from pathlib import PurePath
from typing import Any
from xml.parsers import expat

import msgspec

from bijou.catalog.api import NewTitle
from bijou.catalog.model import FIRST_YEAR, LAST_YEAR, MAX_NAME, MAX_SYNOPSIS
from bijou.ports import InvalidRequest

MAX_BYTES = 1024**2
MAX_GENRES = 20
MAX_GENRE = 60
_MAX_DEPTH = 16
_MAX_ELEMENTS = 20_000
_ROOTS = ("movie", "episodedetails", "musicvideo", "tvshow")
_WANTED = frozenset({"title", "year", "premiered", "plot", "outline", "genre"})
_YEAR = re.compile(r"(\d{4})(?:-\d{2}-\d{2})?")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class SideFile(msgspec.Struct, frozen=True):
    """What a file beside a film says of it; empty where it says nothing.

    Args:
        title: At most `MAX_NAME` characters.
        year: 0 where it is not said.
        plot: What it is about.
        genres: Each once, in the file's order.
    """

    title: str = ""
    year: int = 0
    plot: str = ""
    genres: list[str] = []

    def new_title(self, fallback: str) -> NewTitle:
        """Return it as an editor would say it.

        Args:
            fallback: The name where the file gives none.
        """
        return NewTitle(name=self.title or fallback, synopsis=self.plot, year=self.year)


def read_side_file(filename: str, content: bytes) -> SideFile:
    """Read a file that lies beside a film: `.nfo`, `.xml` or `.json`.

    Cost: O(bytes) time and memory, of at most `MAX_BYTES`.

    Raises:
        InvalidRequest: `catalog.bad_side_file`; the sentence says what is
            wrong, and where.

    Example:
        >>> read_side_file("film.nfo", b"<movie><title>Tide</title><year>2019</year></movie>")
        SideFile(title='Tide', year=2019, plot='', genres=[])
        >>> read_side_file("film.json", b'{"title": "Tide", "genres": ["Drama"]}').genres
        ['Drama']
    """
    if len(content) > MAX_BYTES:
        raise _bad(f"the side file has {len(content)} bytes; at most {MAX_BYTES} are read")
    match PurePath(filename.lower()).suffix:
        case ".nfo" | ".xml":
            return _checked(*_nfo(content))
        case ".json":
            said = _json(content)
            return _checked(said.title, said.year, said.plot, said.genres)
        case suffix:
            raise _bad(f"a side file ends in .nfo, .xml or .json, not in {suffix[:20] or 'nothing'!r}")


def _json(content: bytes) -> SideFile:
    try:
        return msgspec.json.decode(content, type=SideFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(f"the side file is no JSON of title, year, plot and genres: {error}") from error


def _nfo(content: bytes) -> tuple[str, int, str, list[str]]:
    found = _Nfo().read(content)
    title = next(iter(found["title"]), "")
    said = [*found["year"], *found["premiered"]]
    plot = next(iter([*found["plot"], *found["outline"]]), "")
    genres = [part for genre in found["genre"] for part in genre.split("/")]
    return title, _year(said[0]) if said else 0, plot, genres


class _Nfo:
    """One reading of an NFO: the texts of the elements right under its root, by name."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._found: dict[str, list[str]] = {name: [] for name in _WANTED}
        self._depth = 0
        self._elements = 0
        self._words: list[str] | None = None
        self._ended = False

    def read(self, content: bytes) -> dict[str, list[str]]:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            # Kodi allows addresses of web pages behind the XML; they are nothing to us.
            if not self._ended:
                raise _bad(f"the NFO is no XML: {error}") from error
        except (LookupError, ValueError) as error:
            raise _bad("the NFO is written in an encoding that is not known; save it as UTF-8") from error
        return self._found

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise self._wrong(f"more than {_MAX_DEPTH} elements deep or {_MAX_ELEMENTS} in all")
        if self._depth == 1 and name not in _ROOTS:
            raise self._wrong(f"a <{name[:40]}>; it begins with {', '.join(f'<{root}>' for root in _ROOTS)}")
        if self._depth == 2 and name in _WANTED:
            self._words = []

    def _end(self, name: str) -> None:
        if self._depth == 2 and self._words is not None:
            words, self._words = "".join(self._words).strip(), None
            if words:
                self._found[name].append(words)
        self._depth -= 1
        self._ended = self._depth == 0

    def _text(self, text: str) -> None:
        if self._words is not None:
            self._words.append(text)

    def _refuse(self, *_declared: Any) -> None:
        raise self._wrong(
            "a document type or an entity of its own; an NFO needs neither, and they can do harm"
        )

    def _wrong(self, what: str) -> InvalidRequest:
        return _bad(f"line {self._parser.CurrentLineNumber} of the NFO has {what}")


def _checked(title: str, year: int, plot: str, genres: list[str]) -> SideFile:
    """Tidy spaces, and hold all to the bounds that editors are held to."""
    kept = list(dict.fromkeys(tidied for genre in genres if (tidied := " ".join(genre.split()))))
    if len(kept) > MAX_GENRES:
        raise _bad(f"the side file names {len(kept)} genres; at most {MAX_GENRES} are kept")
    if year and not FIRST_YEAR <= year <= LAST_YEAR:
        raise _bad(f"the side file's year is {year}; it is {FIRST_YEAR} to {LAST_YEAR}")
    for genre in kept:
        _within("genre", genre, MAX_GENRE)
    return SideFile(
        title=_within("title", " ".join(title.split()), MAX_NAME),
        year=year,
        plot=_within("plot", plot.strip().replace("\r\n", "\n"), MAX_SYNOPSIS),
        genres=kept,
    )


def _within(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise _bad(f"the side file's {field} has {len(text)} characters; at most {longest} are kept")
    if found := _INVISIBLE.search(text):
        raise _bad(f"the side file's {field} holds the control character U+{ord(found[0]):04X}")
    return text


def _year(said: str) -> int:
    match = _YEAR.fullmatch(said)
    if not match:
        raise _bad(f"the NFO's year is {said[:40]!r}; it is four digits, or a date such as 2019-05-30")
    return int(match[1])


def _bad(detail: str) -> InvalidRequest:
    return InvalidRequest("catalog.bad_side_file", detail)
